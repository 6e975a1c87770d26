package workflows

import "go.temporal.io/sdk/workflow"

// Registry is what takes workflows: a worker, or a replayer.
type Registry interface {
	RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions)
}

// Register registers every workflow under the name of its contract.
func Register(r Registry) {
	r.RegisterWorkflowWithOptions(Approval, workflow.RegisterOptions{Name: ApprovalWorkflow})
	r.RegisterWorkflowWithOptions(Incident, workflow.RegisterOptions{Name: IncidentWorkflow})
	r.RegisterWorkflowWithOptions(Transition, workflow.RegisterOptions{Name: TransitionWorkflow})
}
