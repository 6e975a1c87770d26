package itsm

import (
	"strconv"
	"strings"
)

// Need says how many of a stage's approvers must approve.
type Need struct {
	count   int // exactly so many; 0 where one of the others holds
	percent int // 1 to 100, rounded up
	rule    string
}

const (
	needAll      = "all"
	needMajority = "majority"
)

// NeedOne is the default: one approval is enough.
var NeedOne = Need{count: 1}

// ParseNeed reads "2", "all", "majority" or "60%". The error has
// CodeDefinitionInvalid.
func ParseNeed(text string) (Need, error) {
	if text == needAll || text == needMajority {
		return Need{rule: text}, nil
	}
	digits, isPercent := strings.CutSuffix(text, "%")
	n, err := strconv.Atoi(digits)
	switch plain := err == nil && n >= 1 && strconv.Itoa(n) == digits; {
	case plain && !isPercent:
		return Need{count: n}, nil
	case plain && n <= 100:
		return Need{percent: n}, nil
	}
	return Need{}, Errorf(CodeDefinitionInvalid, `need is %q; write a number from 1, "all", "majority" or a share such as "60%%"`, text)
}

// Of gives how many approvals are needed of so many approvers. It can be more
// than there are: then the stage can't be won, and nobody may pretend it was lost.
func (n Need) Of(approvers int) int {
	switch {
	case n.rule == needAll:
		return max(approvers, 1)
	case n.rule == needMajority:
		return approvers/2 + 1
	case n.percent > 0:
		return max((approvers*n.percent+99)/100, 1)
	default:
		return max(n.count, 1)
	}
}

// String gives what ParseNeed reads.
func (n Need) String() string {
	switch {
	case n.rule != "":
		return n.rule
	case n.percent > 0:
		return strconv.Itoa(n.percent) + "%"
	default:
		return strconv.Itoa(max(n.count, 1))
	}
}

// MarshalText implements encoding.TextMarshaler.
func (n Need) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *Need) UnmarshalText(text []byte) (err error) {
	*n, err = ParseNeed(string(text))
	return err
}
