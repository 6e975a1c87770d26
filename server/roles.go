package server

import (
	"slices"

	"github.com/steward-itsm/steward/itsm"
)

// The roles. People have them in the directory, integrations by their token.
const (
	RoleAdmin        = "admin"
	RoleProcessOwner = "process-owner"
	RoleOperator     = "operator"
	RoleAuditor      = "auditor"
)

// Whoever has no role still is one of these.
const (
	anyPerson      = string(itsm.ActorPerson)
	anyIntegration = string(itsm.ActorIntegration)
)

// action is something that one may be allowed to do.
type action string

// The actions that are asked for inside an operation; the others are named by
// the operation itself, as x-action in openapi.yaml.
const (
	inboxOthers    action = "inbox.others"
	absenceOthers  action = "absence.others"
	absenceStandIn action = "absence.standin"
	rolesGrant     action = "roles.grant"

	transitionsManage action = "transitions.manage" // those of others
	scheduleOverride  action = "schedule.override"

	alertsRaise action = "alerts.raise" // by the routing key of an event too
)

// permissions is the one table that says who may do what. Who of those that
// may decide may decide on a given request is the flow's matter, not a role's;
// and whose transition it is, and who may do a task, the process itself knows.
var permissions = map[action][]string{
	"me.read":          {anyPerson, anyIntegration},
	"definitions.read": {anyPerson, anyIntegration},
	"processes.read":   {anyPerson, anyIntegration},

	"approvals.start":    {anyPerson, anyIntegration},
	"approvals.amend":    {anyPerson, anyIntegration},
	"approvals.withdraw": {anyPerson, anyIntegration},
	"approvals.decide":   {anyPerson},
	"approvals.delegate": {anyPerson},

	"transitions.start":      {anyPerson, anyIntegration},
	"transitions.amend":      {anyPerson, anyIntegration},
	"transitions.reschedule": {anyPerson, anyIntegration},
	"transitions.cancel":     {anyPerson, anyIntegration},
	"transitions.rollback":   {RoleAdmin, RoleProcessOwner, RoleOperator},
	transitionsManage:        {RoleAdmin, RoleProcessOwner, RoleOperator},
	scheduleOverride:         {RoleAdmin, RoleProcessOwner},
	"steps.byhand":           {RoleAdmin, RoleProcessOwner, RoleOperator},
	"tasks.work":             {anyPerson},
	"files.put":              {anyPerson, anyIntegration},
	"files.read":             {anyPerson, anyIntegration},
	"calendar.read":          {anyPerson, anyIntegration},

	"incidents.open":     {anyPerson, anyIntegration},
	"incidents.work":     {anyPerson, anyIntegration},
	"incidents.major":    {RoleAdmin, RoleProcessOwner, RoleOperator},
	"incidents.merge":    {RoleAdmin, RoleProcessOwner, RoleOperator},
	alertsRaise:          {anyIntegration, RoleAdmin, RoleOperator},
	"maintenance.manage": {RoleAdmin, RoleProcessOwner, RoleOperator},
	"schedules.read":     {anyPerson, anyIntegration},

	"events.read":     {anyPerson, anyIntegration},
	"webhooks.manage": {RoleAdmin},

	"inbox.own":    {anyPerson, RoleAdmin, RoleOperator, RoleAuditor},
	inboxOthers:    {RoleAdmin, RoleOperator, RoleAuditor},
	"absence.own":  {anyPerson, RoleAdmin, RoleOperator, RoleProcessOwner},
	absenceOthers:  {RoleAdmin, RoleOperator, RoleProcessOwner},
	absenceStandIn: {RoleAdmin}, // oneself, in the absence of another

	"definitions.apply": {RoleAdmin, RoleProcessOwner},
	"processes.resume":  {RoleAdmin, RoleProcessOwner, RoleOperator},
	"processes.history": {RoleAdmin, RoleProcessOwner, RoleOperator, RoleAuditor},
	"tokens.manage":     {RoleAdmin},
	rolesGrant:          {RoleAdmin},
}

// may reports whether the caller may do something.
func (c caller) may(a action) bool {
	return slices.ContainsFunc(permissions[a], func(who string) bool {
		return who == string(c.actor.Kind) || slices.Contains(c.roles, who)
	})
}

// require refuses what the caller may not do, with itsm.CodeForbidden.
func (c caller) require(a action) error {
	if c.may(a) {
		return nil
	}
	return itsm.Errorf(itsm.CodeForbidden, "%s may not do this (%s); ask an administrator for a role that may", c.actor.Name, a)
}

// actions lists what the caller may do, sorted.
func (c caller) actions() []string {
	var all []string
	for a := range permissions {
		if c.may(a) {
			all = append(all, string(a))
		}
	}
	slices.Sort(all)
	return all
}
