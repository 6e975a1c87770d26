package definition

// The shapes of what expressions look at besides an input's own. A field that
// is missing here is an error when a document is applied, so this is part of
// the language: fields may be added, and never taken away.

var serviceShape = object("service", map[string]*shape{
	"name": textShape, "title": textShape, "goal": textShape, "owner": textShape,
	"supportGroup": textShape, "tier": integerShape, "hours": textShape,
	"dependsOn": listOf(textShape), "escalation": textShape, "incidents": textShape,
	"objectives": mapOf(numberShape),
	"cost":       object("service.cost", map[string]*shape{"perMonth": numberShape, "currency": textShape}),
})

// transitionShape is what every transition has, whatever its model's input is.
var transitionShape = object("transition", map[string]*shape{
	"id": textShape, "title": textShape, "type": textShape, "model": textShape,
	"service": textShape, "requester": textShape,
	"plannedStart": timeShape, "plannedEnd": timeShape,
	"risk": textShape, "riskScore": integerShape,
})

// transitionUnderApproval adds what flows may look at in transitions of any
// model: the plans by the names that models give them, and all of the input.
var transitionUnderApproval = object("transition", map[string]*shape{
	"description": textShape, "plan": textShape, "backout": textShape, "input": mapOf(anything),
}).and(transitionShape)

var incidentShape = object("incident", map[string]*shape{
	"id": textShape, "title": textShape, "service": textShape, "category": textShape,
	"impact": textShape, "urgency": textShape, "priority": textShape, "state": textShape,
	"reporter": textShape, "opened": timeShape, "major": booleanShape,
	"repeats": integerShape, // alerts that came with the same key
})

// improvementShape has the measures of a plan; of any plan where they are nil.
func improvementShape(measures []Measure) *shape {
	before, after := mapOf(numberShape), mapOf(numberShape)
	if measures != nil {
		values := make(map[string]*shape, len(measures))
		for _, measure := range measures {
			values[measure.Name] = numberShape
		}
		before, after = object("before", values), object("after", values)
	}
	return object("improvement", map[string]*shape{
		"id": textShape, "title": textShape, "service": textShape, "plan": textShape,
		"requester": textShape, "proposal": textShape, "before": before, "after": after,
	})
}
