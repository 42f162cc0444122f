// Extender tells the Kubernetes scheduler where the replicas of a plan fit: by GPU kind, free GPUs, NVLink islands, MIG, host
// memory, processors and network, and not by a count of GPUs alone. A pod names its plan by the annotation dsk/plan; pods
// without one are left alone.
//
//	extender -plans DIR -listen :8888            in a cluster: nodes and pods come from its API server
//
// DIR holds plan requests (docs/schema/plan-request.schema.json), one file for each plan, named PLAN.json. It serves
// /filter and /prioritize for the scheduler, /validate for an admission webhook, and /healthz.
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"net/http"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"
)

func main() {
	listen := flag.String("listen", ":8888", "address to serve on")
	folder := flag.String("plans", "plans", "folder of plan requests, PLAN.json each")
	cert := flag.String("tls-cert", "", "certificate of the admission webhook; serves TLS with -tls-key")
	key := flag.String("tls-key", "", "its key")
	flag.Parse()
	collectSeldom()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()

	plans, err := LoadPlans(ctx, *folder)
	if err != nil {
		log.Fatal(err)
	}
	defer plans.Close()
	cluster := NewCluster(plans)
	api, err := InCluster()
	if err != nil {
		log.Fatal(err)
	}
	go api.Follow(ctx, cluster)

	server := &http.Server{Addr: *listen, Handler: Handler(cluster), ReadHeaderTimeout: 5 * time.Second}
	go func() {
		<-ctx.Done()
		end, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(end)
	}()
	log.Printf("%d plans, serving on %s", len(plans.all), *listen)
	if *cert != "" {
		err = server.ListenAndServeTLS(*cert, *key)
	} else {
		err = server.ListenAndServe()
	}
	if !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

// collectSeldom lets garbage grow to eight times what is in use (some ten MB for a thousand nodes): a collection in the middle of
// a question is what the slowest one in a hundred waits for.
func collectSeldom() { debug.SetGCPercent(800) }
