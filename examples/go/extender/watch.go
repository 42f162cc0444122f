package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// API lists and watches nodes and pods: the two resources that this program needs, in place of a client for all of them.
type API struct {
	base   string
	client *http.Client
	token  func() (string, error)
	pause  time.Duration // before a watch that broke is begun again
}

// InCluster is the API server of the cluster that this program runs in, with the rights of its service account.
func InCluster() (*API, error) {
	const account = "/var/run/secrets/kubernetes.io/serviceaccount/"
	host, port := os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT")
	if host == "" || port == "" {
		return nil, errors.New("KUBERNETES_SERVICE_HOST is not set: this program runs in a cluster")
	}
	ca, err := os.ReadFile(account + "ca.crt")
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return nil, errors.New(account + "ca.crt holds no certificate")
	}
	return &API{
		base:   "https://" + net.JoinHostPort(host, port),
		client: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}},
		token: func() (string, error) { // renewed by the kubelet
			text, err := os.ReadFile(account + "token")
			return string(text), err
		},
		pause: time.Second,
	}, nil
}

func (a *API) get(ctx context.Context, path string, query url.Values) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base+path+"?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	token, err := a.token()
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Accept", "application/json")
	response, err := a.client.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10))
		return nil, fmt.Errorf("%s: %s: %s", path, response.Status, text)
	}
	return response.Body, nil
}

func (a *API) list(ctx context.Context, path string, into any) error {
	body, err := a.get(ctx, path, nil)
	if err != nil {
		return err
	}
	defer body.Close()
	return json.NewDecoder(body).Decode(into)
}

// watch gives each change after a version until the server ends the watch, as it does every few minutes.
func watch[T any](ctx context.Context, a *API, path, version string, change func(kind string, object *T)) error {
	body, err := a.get(ctx, path, url.Values{"watch": {"1"}, "resourceVersion": {version}, "timeoutSeconds": {"300"}})
	if err != nil {
		return err
	}
	defer body.Close()
	for decoder := json.NewDecoder(body); ; {
		var event metav1.WatchEvent
		if err := decoder.Decode(&event); err != nil {
			return err
		}
		if event.Type == "ERROR" { // most often 410: the version is too old
			return fmt.Errorf("%s: %s", path, event.Object.Raw)
		}
		object := new(T)
		if err := json.Unmarshal(event.Object.Raw, object); err != nil {
			return err
		}
		change(event.Type, object)
	}
}

// Follow keeps the cluster as the API server says, until the context is done. Whenever a watch ends, both are listed anew, so
// that nothing that was missed stays missed.
func (a *API) Follow(ctx context.Context, c *Cluster) {
	for ctx.Err() == nil {
		if err := a.once(ctx, c); err != nil && ctx.Err() == nil && !errors.Is(err, io.EOF) {
			log.Print(err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(a.pause):
		}
	}
}

func (a *API) once(ctx context.Context, c *Cluster) error {
	var nodes corev1.NodeList
	var pods corev1.PodList
	if err := a.list(ctx, "/api/v1/nodes", &nodes); err != nil {
		return err
	}
	if err := a.list(ctx, "/api/v1/pods", &pods); err != nil {
		return err
	}
	c.Reset(nodes.Items, pods.Items)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 2)
	go func() {
		ended <- watch(ctx, a, "/api/v1/nodes", nodes.ResourceVersion, func(kind string, node *corev1.Node) {
			if kind == "DELETED" {
				c.RemoveNode(node.Name)
			} else {
				c.SetNode(node)
			}
		})
	}()
	go func() {
		ended <- watch(ctx, a, "/api/v1/pods", pods.ResourceVersion, func(kind string, pod *corev1.Pod) {
			if kind == "DELETED" {
				c.RemovePod(pod)
			} else {
				c.SetPod(pod)
			}
		})
	}()
	err := <-ended
	cancel()
	<-ended
	return err
}
