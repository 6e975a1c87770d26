package definition

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Catalog is what is already applied.
type Catalog interface {
	Lookup(kind, name string) (Document, bool)
}

// spec is what each kind's struct can do.
type spec interface {
	// visit shows everything that can be checked or compiled to the visitor.
	visit(v visitor)
}

// visitor is shown a document: the checker finds faults in it, the compiler
// keeps its expressions. Empty names and texts are ignored by both.
type visitor interface {
	reference(path, kind, name string) (Document, bool)
	person(path, name string) // a Person or a Group
	lookup(kind, name string) (Document, bool)
	expression(path, text string, want want, in *scope)
	fault(path, code, format string, args ...any)
	has(path string) bool // whether the author wrote something there
}

// Check finds the faults of documents that their shape does not show: in
// references among them and to what exists, in expressions and in rules.
// existing may be nil.
func Check(docs []Document, existing Catalog) Problems {
	c := &checker{docs: map[string]*Document{}, existing: existing}
	for i := range docs {
		doc := &docs[i]
		if c.docs[doc.id()] != nil && doc.Name != "" {
			c.add(doc.problem(codeDuplicate, "/metadata/name", "%s is given twice; keep one", doc.id()))
			continue
		}
		c.docs[doc.id()] = doc
	}
	for i := range docs {
		c.check(&docs[i])
	}
	c.findCycles(docs)
	return c.problems.sorted()
}

type checker struct {
	docs     map[string]*Document // by id
	existing Catalog
	problems Problems
}

func (c *checker) add(p Problem) { c.problems = append(c.problems, p) }

func (c *checker) check(doc *Document) {
	content, ok := doc.Spec.(spec)
	if !ok {
		return
	}
	v := docChecker{checker: c, doc: doc}
	v.person("/metadata/owner", doc.Owner)
	v.checkName()
	content.visit(v)
}

func (c *checker) lookup(kind, name string) (Document, bool) {
	if doc := c.docs[kind+"/"+name]; doc != nil {
		return *doc, true
	}
	if c.existing == nil {
		return Document{}, false
	}
	return c.existing.Lookup(kind, name)
}

// docChecker checks one document.
type docChecker struct {
	*checker
	doc *Document
}

// checkName keeps names from meaning two things.
func (v docChecker) checkName() {
	name := v.doc.Name
	other := map[string]string{KindPerson: KindGroup, KindGroup: KindPerson}[v.doc.Kind]
	reserved := map[string][]string{
		KindPerson: {ManagerOfRequester, ManagerOfApprovers}, KindCalendar: {clockAlways},
	}[v.doc.Kind]
	if slices.Contains(reserved, name) {
		v.fault("/metadata/name", codeReserved, "%q has a meaning of its own; choose another name", name)
	}
	if other != "" {
		if _, taken := v.lookup(other, name); taken {
			v.fault("/metadata/name", codeClash, "there is a %s %q too, and both are named in the same places; rename one", other, name)
		}
	}
}

func (v docChecker) reference(path, kind, name string) (Document, bool) {
	if name == "" {
		return Document{}, false
	}
	doc, ok := v.lookup(kind, name)
	if !ok {
		v.fault(path, codeReference, "there is no %s %q; apply it too%s", kind, name, nearest(name, v.names(kind)))
	}
	return doc, ok
}

func (v docChecker) person(path, name string) {
	if name == "" {
		return
	}
	if _, ok := v.lookup(KindPerson, name); ok {
		return
	}
	if _, ok := v.lookup(KindGroup, name); !ok {
		v.fault(path, codeReference, "there is no Person or Group %q; apply it too%s", name, nearest(name, append(v.names(KindPerson), v.names(KindGroup)...)))
	}
}

// names lists the documents of a kind in this apply, to choose from: nothing
// when there are so many faults that it would only cost time.
func (v docChecker) names(kind string) []string {
	const enough = 100
	var names []string
	if len(v.problems) > enough {
		return nil
	}
	for _, doc := range v.docs {
		if doc.Kind == kind {
			names = append(names, doc.Name)
		}
	}
	return names
}

func (v docChecker) expression(path, text string, want want, in *scope) {
	if text == "" || utf8.RuneCountInString(text) > maxExpression {
		return // the shape tells
	}
	_, faults := in.compile(text, want)
	for _, f := range faults {
		v.add(v.doc.problemWithin(f.code, path, f.line, f.column, f.message))
	}
}

func (v docChecker) fault(path, code, format string, args ...any) {
	v.add(v.doc.problem(code, path, format, args...))
}

func (v docChecker) has(path string) bool { return v.doc.has(path) }

// namesOnce refuses a name that comes twice in a list.
type namesOnce struct {
	v    visitor
	code string
	seen map[string]bool
}

func (n *namesOnce) visit(path, name string) {
	if n.seen == nil {
		n.seen = map[string]bool{}
	}
	if name != "" && n.seen[name] {
		n.v.fault(path, n.code, "%q is there twice; rename one", name)
	}
	n.seen[name] = true
}

// edge is a reference that may be part of a cycle.
type edge struct{ path, kind, name string }

func edges(doc Document) []edge {
	switch content := doc.Spec.(type) {
	case *Person:
		if content.Manager != "" {
			return []edge{{"/spec/manager", KindPerson, content.Manager}}
		}
	case *Service:
		var all []edge
		for i, name := range content.DependsOn {
			all = append(all, edge{at("/spec/dependsOn", i), KindService, name})
		}
		return all
	}
	return nil
}

// findCycles finds managers who manage each other, and services that depend on
// each other. Each cycle is told once, at a reference that was just written.
func (c *checker) findCycles(docs []Document) {
	walk := cycleWalk{checker: c, state: map[string]walkState{}}
	for _, doc := range docs {
		walk.from(doc)
	}
}

type walkState int

const (
	unseen walkState = iota
	onTrail
	done
)

type cycleWalk struct {
	*checker
	state map[string]walkState
	trail []trailStep
}

type trailStep struct {
	doc  Document
	edge edge
}

func (w *cycleWalk) from(doc Document) {
	w.state[doc.id()] = onTrail
	for _, e := range edges(doc) {
		next, ok := w.lookup(e.kind, e.name)
		if !ok {
			continue
		}
		w.trail = append(w.trail, trailStep{doc, e})
		switch w.state[next.id()] {
		case onTrail:
			w.report(next)
		case unseen:
			w.from(next)
		}
		w.trail = w.trail[:len(w.trail)-1]
	}
	w.state[doc.id()] = done
}

func (w *cycleWalk) report(first Document) {
	start := slices.IndexFunc(w.trail, func(s trailStep) bool { return s.doc.id() == first.id() })
	cycle := w.trail[start:]
	names := []string{first.Name}
	where := cycle[0]
	for _, step := range cycle {
		names = append(names, step.edge.name)
		if w.docs[step.doc.id()] != nil {
			where = step
		}
	}
	w.add(where.doc.problem(codeCycle, where.edge.path, "this leads back to where it began: %s; take one of them out", strings.Join(names, " → ")))
}
