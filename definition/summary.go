package definition

// SummaryAtMost is the most characters of a process's summary: it is one line
// of a list.
const SummaryAtMost = 200

// Summary gives the line that an approval under the flow has in lists, or ""
// where the flow does not say. The error tells why it can't be made of the facts.
func Summary(flow Document, facts Facts) (string, error) {
	spec, ok := flow.Spec.(*ApprovalFlow)
	if !ok || spec.Summary == "" {
		return "", nil
	}
	expressions, err := flow.Expressions()
	if err != nil {
		return "", err
	}
	return expressions.String(spec.Summary, facts)
}

// OneLine shortens a text that is too long for a summary, and shows it.
func OneLine(text string) string {
	if runes := []rune(text); len(runes) > SummaryAtMost {
		return string(runes[:SummaryAtMost-1]) + "…"
	}
	return text
}
