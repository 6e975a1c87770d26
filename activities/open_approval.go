package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
	"github.com/steward-itsm/steward/workflows"
)

// OpenApproval gives all with which an approval starts that a transition asks
// for, its ID among it; the same key gets the same ID. The error crosses
// Temporal as a refusal where somebody must mend something: a flow that the
// transition does not carry, a summary that can't be made.
func (a *Activities) OpenApproval(ctx context.Context, request workflows.OpenApprovalRequest) (workflows.ApprovalInput, error) {
	input, err := a.openApproval(ctx, request)
	return input, workflows.Refuse(err)
}

func (a *Activities) openApproval(ctx context.Context, request workflows.OpenApprovalRequest) (workflows.ApprovalInput, error) {
	c, err := a.newChange(ctx, request.TransitionFacts)
	if err != nil {
		return workflows.ApprovalInput{}, err
	}
	flow, err := c.flow(request.Flow)
	if err != nil {
		return workflows.ApprovalInput{}, err
	}
	service, calendar := request.Service, flow.Spec.(*definition.ApprovalFlow).Calendar
	input := workflows.ApprovalInput{
		Command:   itsm.Command{Actor: itsm.System(), Key: request.Key, Fingerprint: request.Key},
		Requester: request.Requester, Parent: request.Process, Subject: request.Subject,
		Flow: *carriedIn(request.Also, flow.Kind, flow.Name), Service: &service,
		Calendar: carriedIn(request.Also, definition.KindCalendar, calendar),
	}
	if calendar != "" && input.Calendar == nil {
		return workflows.ApprovalInput{}, itsm.Errorf(itsm.CodeDefinitionUnknown, "there is no Calendar %q among what %s runs under", calendar, request.Process)
	}
	if input.Summary, err = c.summary(flow); err != nil {
		return workflows.ApprovalInput{}, err
	}
	input.ID, _, err = a.Store.Reserve(ctx, store.Reservation{
		Actor: input.Command.Actor, Key: request.Key, Fingerprint: request.Key, Kind: itsm.KindApproval,
	}, request.At)
	if err != nil {
		return workflows.ApprovalInput{}, fmt.Errorf("asking for an approval of %s: %w", request.Process, err)
	}
	return input, nil
}

// carriedIn gives a definition as the transition carries it, or nil.
func carriedIn(also []workflows.Definition, kind, name string) *workflows.Definition {
	i := slices.IndexFunc(also, func(d workflows.Definition) bool { return d.Kind == kind && d.Name == name })
	if i < 0 {
		return nil
	}
	return &also[i]
}

// summary gives the line that the approval has in lists: what the flow says,
// or the title of the transition.
func (c *change) summary(flow definition.Document) (string, error) {
	line, err := definition.Summary(flow, c.facts)
	if err != nil {
		return "", itsm.Errorf(itsm.CodeSubjectInvalid, "the summary of flow %s can't be made: %v; amend the transition", flow.Name, err)
	}
	if line == "" {
		subject := struct{ Title string }{}
		if err := json.Unmarshal(c.about.Subject, &subject); err != nil {
			return "", fmt.Errorf("reading the subject of %s: %w", c.about.Process, err)
		}
		line = subject.Title
	}
	return definition.OneLine(line), nil
}
