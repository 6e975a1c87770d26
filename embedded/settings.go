//go:build !noembed

package embedded

import (
	"time"

	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	dc "go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/primitives"
)

const (
	clusterName = "active"
	loopback    = "127.0.0.1"

	// historyShards is fixed for the life of a database. One connection writes
	// the file, so more shards would only wait for each other.
	historyShards = 1

	// plenty stands for "no limit" where zero would mean "none": one machine's
	// own processes need no protection from each other.
	plenty = 1_000_000
)

// serverConfig is the static configuration: four services in one process, on
// loopback, without listeners for metrics or profiles.
func serverConfig(db *config.SQL, at endpoints) *config.Config {
	const disabled = "disabled"
	return &config.Config{
		Persistence: config.Persistence{
			DefaultStore:     sqlite.PluginName,
			VisibilityStore:  sqlite.PluginName,
			NumHistoryShards: historyShards,
			DataStores:       map[string]config.DataStore{sqlite.PluginName: {SQL: db}},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{
				clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: at.address(primitives.FrontendService)},
			},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Services:            at.services(),
		PublicClient:        config.PublicClient{HostPort: at.address(primitives.FrontendService)},
		Archival: config.Archival{
			History:    config.HistoryArchival{State: disabled},
			Visibility: config.VisibilityArchival{State: disabled},
		},
		NamespaceDefaults: config.NamespaceDefaults{Archival: config.ArchivalNamespaceDefaults{
			History:    config.HistoryArchivalNamespaceDefaults{State: disabled},
			Visibility: config.VisibilityArchivalNamespaceDefaults{State: disabled},
		}},
	}
}

// dynamicConfig tunes the server for latency on one small machine.
func dynamicConfig() dc.StaticClient {
	return dc.StaticClient{
		// One partition: a task never waits in one while a worker polls another.
		dc.MatchingNumTaskqueueReadPartitions.Key():  1,
		dc.MatchingNumTaskqueueWritePartitions.Key(): 1,

		// An approval may live for months and get many commands.
		dc.WorkflowExecutionMaxTotalUpdates.Key():    10_000,
		dc.WorkflowExecutionMaxInFlightUpdates.Key(): 1_000,

		// Rate limits protect tenants from each other; here there is one.
		dc.FrontendRPS.Key():                                         plenty,
		dc.FrontendMaxNamespaceRPSPerInstance.Key():                  plenty,
		dc.FrontendMaxConcurrentLongRunningRequestsPerInstance.Key(): plenty,
		dc.FrontendPersistenceMaxQPS.Key():                           plenty,
		dc.HistoryRPS.Key():                                          plenty,
		dc.HistoryPersistenceMaxQPS.Key():                            plenty,
		dc.MatchingRPS.Key():                                         plenty,
		dc.MatchingPersistenceMaxQPS.Key():                           plenty,

		// Deadlines are due to the second: the timer queue looks no further ahead
		// than it must.
		dc.TimerProcessorMaxTimeShift.Key(): 100 * time.Millisecond,

		// The server calls nobody outside, and its own housekeeping workflows,
		// made for big clusters, would only wake an idle machine.
		dc.EnableServerVersionCheck.Key(): false,
		dc.TaskQueueScannerEnabled.Key():  false,
		dc.HistoryScannerEnabled.Key():    false,

		// Children of a closed parent are closed in place; the workflow that does it
		// for many at once runs in a worker that outlives Stop.
		dc.EnableParentClosePolicyWorker.Key(): false,
	}
}

// endpoints are the loopback ports of the services.
type endpoints map[primitives.ServiceName]int

// staticHosts tells each service where the others are, which spares the gossip
// between them, its four ports, and its second of start-up.
func (e endpoints) staticHosts() map[primitives.ServiceName]static.Hosts {
	hosts := make(map[primitives.ServiceName]static.Hosts, len(e))
	for name := range e {
		hosts[name] = static.SingleLocalHost(e.address(name))
	}
	return hosts
}

func (e endpoints) services() map[string]config.Service {
	services := make(map[string]config.Service, len(e))
	for name, port := range e {
		services[string(name)] = config.Service{RPC: config.RPC{GRPCPort: port, BindOnIP: loopback}}
	}
	return services
}
