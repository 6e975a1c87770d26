package activities

import (
	"context"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/workflows"
)

// CheckSchedule gives what speaks against the planned time of a transition, at
// a gate after the first. What a process owner must mend is one of the problems.
func (a *Activities) CheckSchedule(ctx context.Context, request workflows.CheckScheduleRequest) (itsm.Checked, error) {
	var found itsm.Checked
	c, err := a.newChange(ctx, request.TransitionFacts)
	if err == nil {
		found, err = c.checkSchedule(a.Store, request.Planned, request.Needs, request.Gate)
	}
	problem, err := problemOf(err)
	if problem != "" {
		found.Problems = append(found.Problems, problem)
	}
	return found, err
}
