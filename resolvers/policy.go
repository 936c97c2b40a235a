package resolvers

import (
	"context"
	"errors"
	"strings"

	"concordat/federation/review"
	"concordat/graph"
	"concordat/policy"
	"concordat/policy/check"
	"concordat/policy/diff"
)

// Reviewed is what an officer asks about.
type Reviewed struct {
	Agency   policy.AgencyID  // whose rules are to be told of; "" for everybody's
	Proposal *review.Proposal // nil: the policy in force
}

// Reviewer reviews the policy of the snapshot in force, or what a proposal would make of it. Its errors, beside those
// that mean a fault of its own, are the three below, *policy.LoadError and what wraps review.ErrProposal.
type Reviewer interface {
	Check(ctx context.Context, q Reviewed) ([]check.Finding, error)
	Diff(ctx context.Context, q Reviewed) (*Difference, error)
	Test(ctx context.Context, q Reviewed) (*review.Tests, error)
}

// Difference is what a proposal alters, and for whom that was asked.
type Difference struct {
	diff.Report
	Personas []string
}

// What a review can fail of besides the policy itself.
var (
	// ErrBusy: as many reviews run as the gateway does beside its work.
	ErrBusy = errors.New("another review is running")
	// ErrUnending: the rules did not end in time, or asked for too much memory.
	ErrUnending = errors.New("the rules do not end in time, or take too much memory")
	// ErrScenario: a scenario file cannot be read; the message says where and is the officer's own.
	ErrScenario = errors.New("a scenario file cannot be read")
)

func (q query) PolicyCheck(ctx context.Context, proposal *graph.PolicyProposal) (*graph.PolicyCheck, error) {
	about, err := reviewed(ctx, proposal)
	if err != nil {
		return nil, err
	}
	findings, err := q.Reviewer.Check(ctx, about)
	if err != nil {
		return nil, unreviewed(err)
	}
	return &graph.PolicyCheck{Findings: findingsOf(about, findings)}, nil
}

func (q query) PolicyDiff(ctx context.Context, proposal graph.PolicyProposal) (*graph.PolicyDiff, error) {
	about, err := reviewed(ctx, &proposal)
	if err != nil {
		return nil, err
	}
	answer := &graph.PolicyDiff{Findings: []*graph.PolicyFinding{}, Personas: []string{}, Changes: []*graph.PolicyChange{}, Rows: []*graph.PolicyRowChange{}}
	found, err := q.Reviewer.Diff(ctx, about)
	var refused *policy.LoadError
	if errors.As(err, &refused) {
		answer.Findings = findingsOf(about, check.Refusals(refused))
		if len(answer.Findings) == 0 { // a mistake that shows in another agency's file alone
			answer.Findings = append(answer.Findings, &graph.PolicyFinding{Severity: check.Error, Code: policy.CodeCompile,
				Message: "the policies do not load together with this proposal"})
		}
		return answer, nil
	}
	if err != nil {
		return nil, unreviewed(err)
	}
	answer.Personas = some(found.Personas)
	for _, c := range found.Changes {
		if about.tells(c.Agency) {
			answer.Weaker = answer.Weaker || c.Weaker
			answer.Changes = append(answer.Changes, &graph.PolicyChange{Persona: c.Persona, Agency: string(c.Agency), Coordinate: c.Coordinate,
				Before: c.Before, After: c.After, Weaker: c.Weaker})
		}
	}
	for _, c := range found.Rows {
		if about.tells(c.Agency) {
			answer.Weaker = answer.Weaker || c.Weaker()
			answer.Rows = append(answer.Rows, &graph.PolicyRowChange{Persona: c.Persona, Agency: string(c.Agency), Type: c.Type,
				Gained: c.Gained, Lost: c.Lost, Witness: c.Witness, Weaker: c.Weaker()})
		}
	}
	return answer, nil
}

func (q query) PolicyTest(ctx context.Context, proposal *graph.PolicyProposal) (*graph.PolicyTest, error) {
	about, err := reviewed(ctx, proposal)
	if err != nil {
		return nil, err
	}
	run, err := q.Reviewer.Test(ctx, about)
	if err != nil {
		return nil, unreviewed(err)
	}
	answer := &graph.PolicyTest{Passed: run.Passed, Coverage: run.Coverage, Tests: []*graph.PolicyTestResult{},
		Scenarios: []*graph.PolicyScenarioResult{}, Rules: []*graph.PolicyRuleTried{}}
	for _, t := range run.Tests {
		answer.Tests = append(answer.Tests, &graph.PolicyTestResult{File: t.File, Line: t.Line, Name: t.Name, Passed: t.Passed, Error: optional(t.Error)})
	}
	for _, s := range run.Scenarios {
		answer.Scenarios = append(answer.Scenarios, &graph.PolicyScenarioResult{File: s.File, Line: s.Line, Name: s.Name, Passed: s.Passed, Failures: some(s.Failures)})
	}
	for _, r := range run.Rules {
		answer.Rules = append(answer.Rules, &graph.PolicyRuleTried{Rule: r.Rule, File: r.File, Line: r.Line, Tested: r.Tested, Scenarios: r.Scenarios})
	}
	return answer, nil
}

// reviewed says what the caller may ask about: everything, or the caller's own agency, whose bundle is then the only
// one that a proposal may change.
func reviewed(ctx context.Context, proposal *graph.PolicyProposal) (Reviewed, error) {
	subject, err := caller(ctx)
	if err != nil {
		return Reviewed{}, err
	}
	about := Reviewed{}
	switch {
	case subject.Anonymous:
		return Reviewed{}, refuse("FORBIDDEN", "not permitted to read the policy")
	case subject.HasScope(ScopePolicyRead):
	case subject.HasScope(ScopePolicyReadOwn) && subject.Organisation != "":
		about.Agency = policy.AgencyID(subject.Organisation)
	default:
		return Reviewed{}, refuse("FORBIDDEN", "not permitted to read the policy")
	}
	if proposal == nil {
		return about, nil
	}
	if !about.tells(policy.AgencyID(proposal.Agency)) {
		return Reviewed{}, refuse("FORBIDDEN", "not permitted to propose for this agency")
	}
	about.Proposal = &review.Proposal{Agency: policy.AgencyID(proposal.Agency)}
	for _, f := range proposal.Files {
		about.Proposal.Files = append(about.Proposal.Files, review.File{Name: f.Name, Text: f.Text})
	}
	return about, nil
}

// tells reports whether what is said of an agency is for the caller.
func (r Reviewed) tells(agency policy.AgencyID) bool { return r.Agency == "" || r.Agency == agency }

// tellsFile goes by a file's place: bundles are named for their agency. What has no place is about the proposal.
func (r Reviewed) tellsFile(file string) bool {
	if file == "" {
		return true
	}
	owner, _, _ := strings.Cut(file, "/")
	return r.tells(policy.AgencyID(owner))
}

func findingsOf(about Reviewed, findings []check.Finding) []*graph.PolicyFinding {
	answer := []*graph.PolicyFinding{}
	for _, f := range findings {
		if about.tellsFile(f.File) {
			answer = append(answer, &graph.PolicyFinding{Severity: f.Severity, Code: f.Code, File: f.File, Line: f.Line,
				Coordinate: f.Coordinate, Message: f.Message})
		}
	}
	return answer
}

// unreviewed words a failed review. What a proposal's own text made fail is said in the words of the loader, which the
// officer needs; nothing else of an inner error is.
func unreviewed(err error) error {
	var refused *policy.LoadError
	switch {
	case errors.Is(err, ErrMeanwhile):
		return failed("STATE_UNAVAILABLE", "the policy is being changed; ask again when the new one is in force", err)
	case errors.Is(err, review.ErrProposal):
		return failed("BAD_USER_INPUT", err.Error(), err)
	case errors.As(err, &refused):
		return failed("BAD_USER_INPUT", "the policy cannot be loaded; policyCheck lists why", err)
	case errors.Is(err, ErrScenario):
		return failed("BAD_USER_INPUT", "a scenario file cannot be read", err)
	case errors.Is(err, ErrBusy):
		return failed("RATE_LIMITED", "another review is running; try again", err)
	case errors.Is(err, ErrUnending):
		return failed("OPERATION_TOO_COMPLEX", "the rules do not end in time, or take too much memory", err)
	}
	return failed("INTERNAL", "the policy could not be reviewed", err)
}
