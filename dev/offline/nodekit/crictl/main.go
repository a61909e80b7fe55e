// crictl, as far as kind calls it: "inspecti IMAGE" for `kind load`, "images" for `kind export logs`.
// The real one is not served as a Go module.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func die(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "crictl:", err)
		os.Exit(1)
	}
}

func main() {
	if len(os.Args) < 2 {
		die(fmt.Errorf("usage: crictl inspecti IMAGE | images"))
	}
	c, err := grpc.NewClient("unix:///run/containerd/containerd.sock", grpc.WithTransportCredentials(insecure.NewCredentials()))
	die(err)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	im := cri.NewImageServiceClient(c)
	switch os.Args[1] {
	case "inspecti":
		r, err := im.ImageStatus(ctx, &cri.ImageStatusRequest{Image: &cri.ImageSpec{Image: os.Args[len(os.Args)-1]}})
		die(err)
		if r.Image == nil {
			die(fmt.Errorf("no such image %q present", os.Args[len(os.Args)-1]))
		}
		json.NewEncoder(os.Stdout).Encode(map[string]any{"status": map[string]any{
			"id": r.Image.Id, "repoTags": r.Image.RepoTags, "repoDigests": r.Image.RepoDigests, "size": fmt.Sprint(r.Image.Size)}})
	case "images":
		r, err := im.ListImages(ctx, &cri.ListImagesRequest{})
		die(err)
		for _, i := range r.Images {
			fmt.Println(i.RepoTags, i.Id, i.Size)
		}
	default:
		die(fmt.Errorf("%s is not supported here; inspecti and images are", os.Args[1]))
	}
}
