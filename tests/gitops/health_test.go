// Package gitops tests how Argo CD and Flux see a pipeline, with states that the operator wrote.
package gitops

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/yaml"
)

const (
	configMap = "../../examples/gitops/argocd-cm.yaml"
	script    = "resource.customizations.health.eventpipeline.dev_EventPipeline"
)

// states lists each recorded pipeline with its expected health in Argo CD and in kstatus, which Flux uses. Argo CD shows a
// deleted object as progressing without asking the script.
var states = []struct {
	name    string
	argo    string
	message string
	kstatus status.Status
}{
	{"new", "Progressing", "the operator has not reconciled this spec yet", status.InProgressStatus},
	{"progressing", "Progressing", "database: StatefulSet progressing-mysql", status.InProgressStatus},
	{"healthy", "Healthy", "all components are ready", status.CurrentStatus},
	{"suspended", "Healthy", "all consumers are suspended", status.CurrentStatus},
	{"changed", "Progressing", "the operator has not reconciled this spec yet", status.InProgressStatus},
	{"stalled", "Degraded", "Service stalled-producers belongs to another owner", status.FailedStatus},
	{"deleting", "", "", status.TerminatingStatus},
}

func TestHealthInArgoCD(t *testing.T) {
	source := healthScript(t)
	for _, state := range states {
		if state.argo == "" {
			continue
		}
		t.Run(state.name, func(t *testing.T) {
			health, message := evaluate(t, source, pipeline(t, state.name))
			if health != state.argo || !strings.Contains(message, state.message) {
				t.Errorf("%s is %s: %q, not %s: %q", state.name, health, message, state.argo, state.message)
			}
		})
	}
}

func TestStatusInFlux(t *testing.T) {
	for _, state := range states {
		t.Run(state.name, func(t *testing.T) {
			result, err := status.Compute(&unstructured.Unstructured{Object: pipeline(t, state.name)})
			if err != nil {
				t.Fatal(err)
			}
			if result.Status != state.kstatus {
				t.Errorf("%s is %s: %q, not %s", state.name, result.Status, result.Message, state.kstatus)
			}
		})
	}
}

func TestEveryRecordedStateIsTested(t *testing.T) {
	files, err := filepath.Glob("states/*.yaml")
	if err != nil || len(files) != len(states) {
		t.Errorf("%d files, %d states: %v", len(files), len(states), err)
	}
}

// A pipeline that no operator has seen has the default of the definition.
func TestNewPipelineHasDefaultStatus(t *testing.T) {
	versions, _, err := unstructured.NestedSlice(read(t, "../../crds/eventpipeline.yaml"), "spec", "versions")
	if err != nil || len(versions) != 1 {
		t.Fatalf("%d versions: %v", len(versions), err)
	}
	version, _ := versions[0].(map[string]any)
	expected, _, err := unstructured.NestedMap(version, "schema", "openAPIV3Schema", "properties", "status", "default")
	if got := pipeline(t, "new")["status"]; err != nil || !reflect.DeepEqual(got, any(expected)) {
		t.Errorf("the recorded status is %v, the default %v: %v", got, expected, err)
	}
}

func healthScript(t *testing.T) string {
	t.Helper()
	data, _ := read(t, configMap)["data"].(map[string]any)
	source, _ := data[script].(string)
	if source == "" {
		t.Fatalf("%s has no %s", configMap, script)
	}
	return source
}

func pipeline(t *testing.T, name string) map[string]any {
	t.Helper()
	return read(t, filepath.Join("states", name+".yaml"))
}

func read(t *testing.T, path string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	document, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	object := map[string]any{}
	if err := json.Unmarshal(document, &object); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return object
}

// evaluate runs the script as Argo CD does: with the base library only, and the object as the global `obj`.
func evaluate(t *testing.T, source string, object map[string]any) (health, message string) {
	t.Helper()
	vm := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer vm.Close()
	vm.Push(vm.NewFunction(lua.OpenBase))
	vm.Push(lua.LString(lua.BaseLibName))
	vm.Call(1, 0)
	vm.SetGlobal("obj", toLua(vm, object))
	if err := vm.DoString(source); err != nil {
		t.Fatal(err)
	}
	result, isTable := vm.Get(-1).(*lua.LTable)
	if !isTable {
		t.Fatalf("the script returned %s", vm.Get(-1).Type())
	}
	return result.RawGetString("status").String(), result.RawGetString("message").String()
}

func toLua(vm *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case map[string]any:
		table := vm.NewTable()
		for key, member := range value {
			table.RawSetString(key, toLua(vm, member))
		}
		return table
	case []any:
		table := vm.NewTable()
		for _, member := range value {
			table.Append(toLua(vm, member))
		}
		return table
	case string:
		return lua.LString(value)
	case bool:
		return lua.LBool(value)
	case int64:
		return lua.LNumber(value)
	default:
		return lua.LNil
	}
}
