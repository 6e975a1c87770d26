package itsm

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

const undoSuffix = ".undo"

// isForward reports whether a step does something, and does not take something
// back.
func isForward(id string) bool { return !strings.Contains(id+".", undoSuffix+".") }

// undoneBy gives the step that another takes back, or nil.
func (s *Steps) undoneBy(id string) *StepRun {
	original, ok := strings.CutSuffix(id, undoSuffix)
	if !ok {
		return nil
	}
	return s.run(original)
}

// cancelOpen ends whatever waits for people, time or a callback. A request that
// is under way can't be taken back by not listening to its answer: that one is
// waited for, and undone where it took effect.
func (s *Steps) cancelOpen(why string, at time.Time) {
	for i := range s.Runs {
		run := &s.Runs[i]
		if !run.Status.IsOver() && (run.Kind != StepCall || run.Accepted || run.Status != StepRunning) {
			s.cancel(run, why, at)
		}
	}
}

func (s *Steps) cancel(run *StepRun, why string, at time.Time) {
	asked := run.holders()
	run.Reason = why
	s.log.add(at, byRule(), EventStepCancelled, StepEvent{Step: run.ID, Title: run.Title, Reason: why})
	s.end(run, StepCancelled, at)
	if run.Kind == StepTask {
		s.log.notify(EventStepCancelled, asked)
	}
}

// toUndo lists the steps that are still to be taken back, the one that ended
// last first: those that are done, and calls that may have taken effect though
// they failed.
func (s *Steps) toUndo() []StepRun {
	var runs []StepRun
	for _, run := range s.Runs {
		rule, ok := s.Rule(run.ID)
		happened := run.Status == StepDone || run.Status.IsOver() && run.Status != StepSkipped && (run.Reached || s.partly(rule))
		if ok && rule.Undo != nil && happened && run.Undone == "" && isForward(run.ID) {
			runs = append(runs, run)
		}
	}
	slices.SortFunc(runs, func(a, b StepRun) int { return cmp.Compare(b.EndEvent, a.EndEvent) })
	return runs
}

// partly reports whether something inside a step was done before it was cut
// short.
func (s *Steps) partly(rule StepRule) bool {
	return slices.ContainsFunc(rule.Branches, func(branch []StepRule) bool {
		return slices.ContainsFunc(branch, func(inside StepRule) bool {
			run := s.run(inside.ID)
			return run != nil && (run.Status == StepDone || run.Reached) || s.partly(inside)
		})
	})
}

// nextUndo lists the steps of an undo whose turn it is; nothing while a request
// is under way.
func (s *Steps) nextUndo() []StepRule {
	if slices.ContainsFunc(s.Runs, func(run StepRun) bool { return isForward(run.ID) && !run.Status.IsOver() }) {
		return nil
	}
	runs := s.toUndo()
	if len(runs) == 0 {
		return nil
	}
	rule, _ := s.Rule(runs[0].ID)
	return s.turns([]StepRule{*rule.Undo})
}

// takenBack reports whether nothing is left to be undone.
func (s *Steps) takenBack() bool {
	over := !slices.ContainsFunc(s.Runs, func(run StepRun) bool { return !run.Status.IsOver() })
	return over && len(s.toUndo()) == 0
}

// undidAnything reports whether a step was taken back.
func (s *Steps) undidAnything() bool {
	return slices.ContainsFunc(s.Runs, func(run StepRun) bool { return run.Undone == StepDone })
}
