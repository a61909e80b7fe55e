// kindnetd, as far as kind's default CNI manifest needs it: writes the node's CNI configuration from its pod range and
// keeps one route for each other node. IPv4 only, no network policies; masquerading is left to the ptp plugin.
// The real one is not served as a Go module.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/vishvananda/netlink"
)

const sa = "/var/run/secrets/kubernetes.io/serviceaccount/"
const conf = "/etc/cni/net.d/10-kindnet.conflist"

type nodeList struct {
	Items []struct {
		Metadata struct{ Name string }
		Spec     struct{ PodCIDR string }
		Status   struct {
			Addresses []struct{ Type, Address string }
		}
	}
}

func nodes(c *http.Client) (l nodeList, err error) {
	tok, err := os.ReadFile(sa + "token")
	if err != nil {
		return l, err
	}
	r, _ := http.NewRequest("GET", "https://"+net.JoinHostPort(os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT"))+"/api/v1/nodes", nil)
	r.Header.Set("Authorization", "Bearer "+string(tok))
	resp, err := c.Do(r)
	if err != nil {
		return l, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		return l, fmt.Errorf("nodes: %s", resp.Status)
	}
	return l, json.NewDecoder(resp.Body).Decode(&l)
}

func writeConf(cidr string) error {
	b, _ := json.MarshalIndent(map[string]any{"cniVersion": "0.3.1", "name": "kindnet", "plugins": []any{
		map[string]any{"type": "ptp", "ipMasq": true, "ipam": map[string]any{"type": "host-local", "dataDir": "/run/cni-ipam-state",
			"routes": []any{map[string]string{"dst": "0.0.0.0/0"}}, "ranges": []any{[]any{map[string]string{"subnet": cidr}}}}},
		map[string]any{"type": "portmap", "capabilities": map[string]bool{"portMappings": true}}}}, "", " ")
	if old, _ := os.ReadFile(conf); string(old) == string(b) {
		return nil
	}
	log.Printf("conflist for %s", cidr)
	if err := os.WriteFile(conf+".tmp", b, 0o644); err != nil {
		return err
	}
	return os.Rename(conf+".tmp", conf)
}

func sync(c *http.Client, self string) error {
	l, err := nodes(c)
	if err != nil {
		return err
	}
	ready := false
	for _, n := range l.Items {
		ip := ""
		for _, a := range n.Status.Addresses {
			if a.Type == "InternalIP" && net.ParseIP(a.Address).To4() != nil {
				ip = a.Address
			}
		}
		if n.Spec.PodCIDR == "" || ip == "" {
			continue
		}
		if ip == self {
			if err := writeConf(n.Spec.PodCIDR); err != nil {
				return err
			}
			ready = true
			continue
		}
		_, dst, err := net.ParseCIDR(n.Spec.PodCIDR)
		if err != nil {
			return err
		}
		if err := netlink.RouteReplace(&netlink.Route{Dst: dst, Gw: net.ParseIP(ip)}); err != nil {
			return fmt.Errorf("route %s via %s: %w", dst, ip, err)
		}
	}
	if !ready {
		return fmt.Errorf("no pod range for %s yet", self)
	}
	return nil
}

func main() {
	ca, err := os.ReadFile(sa + "ca.crt")
	if err != nil {
		log.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	c := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	for {
		wait := 10 * time.Second
		if err := sync(c, os.Getenv("HOST_IP")); err != nil {
			log.Print(err)
			wait = 300 * time.Millisecond
		}
		time.Sleep(wait)
	}
}
