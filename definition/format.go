package definition

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the time zone database, so that every machine knows the same names

	"github.com/steward-itsm/steward/itsm"
)

// formats are the forms of text that the schemas name beyond JSON Schema's own.
var formats = map[string]func(text string) *fault{
	"steward-duration": checkDuration,
	"steward-timezone": checkTimezone,
	"steward-time":     checkTime,
	"steward-date":     func(text string) *fault { return checkLayout(text, time.DateOnly, "2026-12-24") },
	"steward-datetime": func(text string) *fault { return checkLayout(text, "2006-01-02T15:04", "2026-12-24T09:00") },
	"steward-need":     checkNeed,
	"steward-cron":     checkCron,
	"steward-target":   checkTarget,
}

var noTime = regexp.MustCompile(`^(0+[wdhms])+$`)

func checkDuration(text string) *fault {
	if noTime.MatchString(text) {
		return &fault{code: codeDurationZero, message: fmt.Sprintf("%q is no time at all; write a longer span, or leave the field out", text)}
	}
	if _, err := itsm.ParseDuration(text); err != nil {
		return &fault{code: codeDuration, message: messageOf(err)}
	}
	return nil
}

func checkTimezone(text string) *fault {
	if _, err := location(text); err != nil {
		return &fault{code: codeTimezone, message: messageOf(err)}
	}
	return nil
}

func checkTime(text string) *fault {
	if _, err := minuteOf(text); err != nil {
		return &fault{code: codeTime, message: err.Error()}
	}
	return nil
}

func checkLayout(text, layout, example string) *fault {
	if _, err := time.Parse(layout, text); err != nil {
		return &fault{code: codeDate, message: fmt.Sprintf("%q is not a date as it is needed here; write one such as %s", text, example)}
	}
	return nil
}

func checkNeed(text string) *fault {
	if _, err := itsm.ParseNeed(text); err != nil {
		return &fault{code: codeNeed, message: messageOf(err)}
	}
	return nil
}

var comparison = regexp.MustCompile(`^(<=|>=|<|>|==) *(-?[0-9]+(\.[0-9]+)?|[0-9]+[wdhms][0-9wdhms]*)$`)

func checkTarget(text string) *fault {
	match := comparison.FindStringSubmatch(text)
	if match == nil || (strings.ContainsAny(match[2], "wdhms") && checkDuration(match[2]) != nil) {
		return &fault{code: codeTarget, message: fmt.Sprintf("%q is not a target; compare with a number or a duration, such as <= 2h or >= 4.2", text)}
	}
	return nil
}

// cronFields are the ranges of minute, hour, day of month, month, day of week.
var cronFields = [5]struct{ low, high int }{{0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 7}}

// checkCron allows what every cron does: numbers, ranges, lists and steps.
func checkCron(text string) *fault {
	fields := strings.Fields(text)
	wrong := &fault{code: codeCron, message: fmt.Sprintf(`%q is not a cron expression; write minute, hour, day of month, month and day of week, such as "0 9 1 * *"`, text)}
	if len(fields) != len(cronFields) {
		return wrong
	}
	for i, field := range fields {
		for part := range strings.SplitSeq(field, ",") {
			if !isCronPart(part, cronFields[i].low, cronFields[i].high) {
				return wrong
			}
		}
	}
	return nil
}

func isCronPart(part string, low, high int) bool {
	span, step, hasStep := strings.Cut(part, "/")
	if n, err := strconv.Atoi(step); hasStep && (err != nil || n < 1 || n > high) {
		return false
	}
	if span == "*" {
		return true
	}
	from, to, isRange := strings.Cut(span, "-")
	first, err := strconv.Atoi(from)
	last := first
	if isRange && err == nil {
		last, err = strconv.Atoi(to)
	}
	return err == nil && low <= first && first <= last && last <= high && !strings.ContainsAny(part, "+")
}

// messageOf gives an error's sentence without its code.
func messageOf(err error) string {
	if e, ok := errors.AsType[*itsm.Error](err); ok {
		return e.Message
	}
	return err.Error()
}
