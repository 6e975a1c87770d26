package itsm

import (
	"fmt"
	"slices"
	"time"
)

// Alerts are those of the incident: the one with which it began, and those that
// came with others that were merged into it. Only the first has its details.
func (i *Incident) Alerts() []Alert {
	if i.Alert == nil {
		return i.Others
	}
	return append([]Alert{*i.Alert}, i.Others...)
}

// alert finds what is known of an alert, by service and key; nil where it is
// new to the incident.
func (i *Incident) alert(of Alert) *Alert {
	if i.Alert != nil && i.Alert.isSame(of) {
		return i.Alert
	}
	for n := range i.Others {
		if i.Others[n].isSame(of) {
			return &i.Others[n]
		}
	}
	return nil
}

func (a Alert) isSame(other Alert) bool { return a.Service == other.Service && a.Key == other.Key }

// keep has an alert known, as it is now.
func (i *Incident) keep(alert Alert) {
	known := i.alert(alert)
	if known == nil || known != i.Alert {
		alert.Details = nil // there may be many, and the state is carried in every history
	}
	if known == nil {
		i.Others = append(i.Others, alert)
		return
	}
	*known = alert
}

// Changed takes what changed of an alert of the incident: it became worse,
// somebody acknowledged it where it came from, it is over, or it is back. What a
// later change has overtaken does nothing. The error has CodeProcessClosed.
func (i *Incident) Changed(c Command, alert Alert, at time.Time) (int, error) {
	if err := i.CheckOpen(); err != nil {
		return 0, err
	}
	before := i.alert(alert)
	if before != nil && alert.Change <= before.Change {
		return i.LastEvent, nil
	}
	worse := false
	if before != nil {
		alert = alert.over(*before)
		worse = alert.Severity.WorseThan(before.Severity)
	}
	i.keep(alert)
	number := i.add(at, c, EventAlertChanged, AlertChanged{Alert: alert})
	switch {
	case alert.Status == AlertResolved && i.cleared():
		i.resolve(byRule(), Resolution{By: System().Name, At: at, Cause: "alert-cleared", Fix: "none", Comment: "the alert is over"}, at)
	case alert.Status == AlertAcknowledged && i.Acknowledged == nil && i.CheckAcknowledge() == nil:
		i.acknowledge(Command{Actor: c.Actor}, at)
	case alert.Status == AlertFiring && i.Phase == IncidentResolved:
		i.Returns++
		i.reopen(Command{Actor: System(), Comment: "its alert fires again"}, at)
	}
	if worse { // so it fires, and is not resolved any more
		i.worsen(alert.Severity, at)
	}
	return number, nil
}

// over is an alert upon what was known of it. One that does not fire says how it
// stands, and often nothing else.
func (a Alert) over(before Alert) Alert {
	if a.Status == AlertFiring {
		return a
	}
	before.Status, before.Change = a.Status, a.Change
	return before
}

// cleared reports whether all that it was about is over by itself. What people
// reported, or declared a major incident, they resolve.
//
// One that came back again and again is not over by itself any more: it flaps,
// and somebody must look.
func (i *Incident) cleared() bool {
	if i.Returns >= returnsAtMost {
		return false
	}
	firing := slices.ContainsFunc(i.Alerts(), func(a Alert) bool { return a.Status != AlertResolved })
	return i.Alert != nil && !firing && i.Major == nil && slices.Contains(unresolved, i.Phase)
}

// returnsAtMost is how often an alert may come back after it was over, before
// that resolves its incident no more. It bounds pages and pauses.
const returnsAtMost = 5

// worsen classifies the incident as its alert says, but never as less than it
// is.
func (i *Incident) worsen(severity Severity, at time.Time) {
	to, says := i.Class, severity.Class()
	to.Impact, to.Urgency = to.Impact.worst(says.Impact), to.Urgency.worst(says.Urgency)
	if to = i.classify(to); to == i.Class {
		return
	}
	i.reclassify(Command{Actor: System(), Comment: fmt.Sprintf("its alert became %s", severity)}, to, at)
	i.notify(EventIncidentClassified, i.concerned())
	if i.Phase == IncidentWaitingUser || i.Phase == IncidentWaitingSupplier { // this can't wait
		i.add(at, byRule(), EventIncidentResumed, IncidentEvent{Phase: IncidentInProgress, Why: "its alert became worse"})
		i.Resolve.Resume(at)
		i.Wanted.Clocks = true
		i.enter(IncidentInProgress, at)
		i.Acknowledged = nil
		i.restartLadder(at)
	}
}

// Absorb notes an incident that was merged into this one, with its alerts: this
// one is not over before they are. The error has CodeProcessClosed.
func (i *Incident) Absorb(c Command, other string, at time.Time, alerts ...Alert) (int, error) {
	if err := i.CheckOpen(); err != nil {
		return 0, err
	}
	if slices.Contains(i.Absorbed, other) {
		return i.LastEvent, nil
	}
	i.Absorbed = append(i.Absorbed, other)
	number := i.add(at, c, EventIncidentAbsorbed, IncidentEvent{Incident: other})
	for _, alert := range alerts {
		if i.alert(alert) != nil {
			continue
		}
		i.keep(alert)
		if alert.Status == AlertFiring {
			if i.Phase == IncidentResolved {
				i.reopen(Command{Actor: System(), Comment: other + " was merged into it, whose alert fires"}, at)
			}
			i.worsen(alert.Severity, at)
		}
	}
	return number, nil
}
