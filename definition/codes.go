package definition

import "maps"

// The codes of faults in documents. They never change their meaning.
const (
	codeTooLarge      = "yaml.too_large"
	codeMalformed     = "yaml.malformed"
	codeDuplicateKey  = "yaml.duplicate_key"
	codeAlias         = "yaml.alias"
	codeTag           = "yaml.tag"
	codeKey           = "yaml.key"
	codeNumber        = "yaml.number"
	codeTooDeep       = "yaml.too_deep"
	codeNotDocument   = "document.not_mapping"
	codeVersion       = "document.version"
	codeKind          = "document.kind"
	codeDuplicate     = "document.duplicate"
	codeUnknownField  = "schema.unknown_field"
	codeType          = "schema.type"
	codeRequired      = "schema.required"
	codeEnum          = "schema.enum"
	codePattern       = "schema.pattern"
	codeRange         = "schema.range"
	codeLength        = "schema.length"
	codeCount         = "schema.count"
	codeUnique        = "schema.unique"
	codeChoice        = "schema.choice"
	codeInvalid       = "schema.invalid"
	codeDuration      = "duration.invalid"
	codeDurationZero  = "duration.zero"
	codeTimezone      = "timezone.unknown"
	codeTime          = "time.invalid"
	codeDate          = "date.invalid"
	codeBackwards     = "time.backwards"
	codeCron          = "cron.invalid"
	codeTarget        = "target.invalid"
	codeTargetMissing = "target.missing"
	codeEmail         = "email.invalid"
	codeNeed          = "need.invalid"
	codeNeedTooHigh   = "need.impossible"
	codeReference     = "reference.unknown"
	codeUnfit         = "reference.unfit"
	codeCycle         = "reference.cycle"
	codeClash         = "name.clash"
	codeReserved      = "name.reserved"
	codeNameTwice     = "name.duplicate"
	codeSyntax        = "expression.syntax"
	codeExprType      = "expression.type"
	codeExprField     = "expression.unknown_field"
	codeExprName      = "expression.unknown_name"
	codeInput         = "input.invalid"
	codeInputReserved = "input.reserved"
	codeTwoSubjects   = "flow.input_and_subject"
	codeStage         = "stage.duplicate"
	codeNoDeadline    = "stage.no_deadline"
	codeEscalateLate  = "escalation.after_deadline"
	codeRemindLate    = "reminder.after_deadline"
	codeNeverOpen     = "calendar.never_open"
	codeOverlap       = "calendar.overlap"
	codeStepField     = "step.field"
	codeStandardAsks  = "transition.standard_authorized"
	codeAfterwards    = "transition.afterwards"
)

var meanings = map[string]string{
	codeTooLarge:      "A source is larger than 1 MiB; split it.",
	codeMalformed:     "The text is not YAML (or JSON).",
	codeDuplicateKey:  "A field is given twice.",
	codeAlias:         "Anchors and aliases are not allowed; write the value out.",
	codeTag:           "A YAML tag that JSON has no type for.",
	codeKey:           "A field's name must be plain text.",
	codeNumber:        "A number that JSON can't hold, such as .inf or .nan.",
	codeTooDeep:       "The text is nested more than 64 levels deep.",
	codeNotDocument:   "A document must be a mapping with apiVersion, kind, metadata and spec.",
	codeVersion:       "apiVersion must be steward/v1.",
	codeKind:          "There is no such kind.",
	codeDuplicate:     "The same kind and name is given twice in one apply.",
	codeUnknownField:  "The kind has no such field.",
	codeType:          "The value has the wrong type.",
	codeRequired:      "A required field is missing.",
	codeEnum:          "The value is not one of those allowed.",
	codePattern:       "The text does not have the required form.",
	codeRange:         "The number is too small or too large.",
	codeLength:        "The text is too short or too long.",
	codeCount:         "There are too few or too many entries.",
	codeUnique:        "A list has the same entry twice.",
	codeChoice:        "Exactly one of several fields must be given.",
	codeInvalid:       "The value breaks the kind's schema in some other way.",
	codeDuration:      "Not a duration; write 90s, 15m, 8h, 2d or 1w.",
	codeDurationZero:  "A duration must be longer than nothing.",
	codeTimezone:      "Not a name of the IANA time zone database.",
	codeTime:          "Not a local time such as 08:00.",
	codeDate:          "Not a date such as 2026-12-24, or with a time 2026-12-24T09:00.",
	codeBackwards:     "Something ends before it begins.",
	codeCron:          "Not a cron expression of five fields.",
	codeTarget:        "Not a comparison such as <= 2h or >= 4.2.",
	codeTargetMissing: "The matrix gives a priority that has no targets.",
	codeEmail:         "Not an e-mail address.",
	codeNeed:          "Not a number from 1, \"all\", \"majority\" or a share such as \"60%\".",
	codeNeedTooHigh:   "More approvals are needed than there are approvers.",
	codeReference:     "What is referred to is neither applied nor in the same apply.",
	codeUnfit:         "What is referred to exists, but can't be used here.",
	codeCycle:         "References lead back to where they began.",
	codeClash:         "A Person and a Group have the same name.",
	codeReserved:      "The name has a meaning of its own.",
	codeNameTwice:     "Two entries of a list have the same name.",
	codeSyntax:        "The expression is not CEL.",
	codeExprType:      "The expression's types don't fit, or it gives the wrong type.",
	codeExprField:     "The expression uses a field that its subject does not have.",
	codeExprName:      "The expression uses a name that is not known there.",
	codeInput:         "Not a JSON Schema that can be used; references to other files are refused.",
	codeInputReserved: "The input declares a field that every transition has by itself.",
	codeTwoSubjects:   "A flow has either a subject or an input.",
	codeStage:         "Two stages have the same name.",
	codeNoDeadline:    "onTimeout needs a deadline: within.",
	codeEscalateLate:  "An escalation comes at or after the deadline.",
	codeRemindLate:    "A reminder comes at or after the deadline.",
	codeNeverOpen:     "The calendar is never open.",
	codeOverlap:       "Open hours of one day overlap.",
	codeStepField:     "The field does not belong to this kind of step.",
	codeStandardAsks:  "A standard change is approved beforehand; it asks for no authorisation.",
	codeAfterwards:    "Only an emergency change may be authorised afterwards.",
}

// Codes gives every code of a fault, with its meaning in one line.
func Codes() map[string]string {
	return maps.Clone(meanings)
}
