package federation

import (
	"net/http"
	"slices"
)

// Code is a stable error code: extensions.code of an error.
type Code string

// The codes of CONTRACT.md section 3. docs/errors.md is generated from this table.
const (
	Unauthenticated        Code = "UNAUTHENTICATED"
	Forbidden              Code = "FORBIDDEN"
	PurposeRequired        Code = "PURPOSE_REQUIRED"
	AgreementInactive      Code = "AGREEMENT_INACTIVE"
	ParseFailed            Code = "GRAPHQL_PARSE_FAILED"
	ValidationFailed       Code = "GRAPHQL_VALIDATION_FAILED"
	BadUserInput           Code = "BAD_USER_INPUT"
	OperationTooComplex    Code = "OPERATION_TOO_COMPLEX"
	RequestTooLarge        Code = "REQUEST_TOO_LARGE"
	UnsupportedMediaType   Code = "UNSUPPORTED_MEDIA_TYPE"
	NotAcceptable          Code = "NOT_ACCEPTABLE"
	MethodNotAllowed       Code = "METHOD_NOT_ALLOWED"
	FilterNotPermitted     Code = "FILTER_NOT_PERMITTED"
	GroupTooSmall          Code = "GROUP_TOO_SMALL"
	SourceUnavailable      Code = "SOURCE_UNAVAILABLE"
	SourceTimeout          Code = "SOURCE_TIMEOUT"
	SourceInvalid          Code = "SOURCE_INVALID"
	ResultTooLarge         Code = "RESULT_TOO_LARGE"
	InferenceOverloaded    Code = "INFERENCE_OVERLOADED"
	InferenceFailed        Code = "INFERENCE_FAILED"
	SecAggAborted          Code = "SECAGG_ABORTED"
	SecAggTooFew           Code = "SECAGG_TOO_FEW"
	PrivacyBudgetExhausted Code = "PRIVACY_BUDGET_EXHAUSTED"
	LedgerUnavailable      Code = "LEDGER_UNAVAILABLE"
	StateUnavailable       Code = "STATE_UNAVAILABLE"
	Internal               Code = "INTERNAL"
)

// CodeInfo is one row of the table of codes.
type CodeInfo struct {
	Code    Code
	Status  int    // HTTP status where the whole request is refused; 200 where the code stands beside data
	When    string // what the caller did or met
	Message string // what a client reads; a fixed sentence, never a value
}

// Codes lists every code. A refusal of the whole request answers with Status.
func Codes() []CodeInfo { return slices.Clone(codes[:]) }

var codes = [...]CodeInfo{
	{Unauthenticated, http.StatusUnauthorized, "No valid token where one is needed; the reason only as the RFC 6750 error of WWW-Authenticate.", "a valid access token is needed"},
	{Forbidden, http.StatusForbidden, "Policy says no, or says nothing. One error for each field of the operation beside partial data (200); 403 where every root field is denied. An agency's agent refuses by rules of its own with `extensions.agency`.", "policy does not permit this"},
	{PurposeRequired, http.StatusForbidden, "The token names no purpose, or not the one asked for with Concordat-Purpose.", "the token does not hold this purpose"},
	{AgreementInactive, http.StatusForbidden, "The token's agreement is revoked, expired, not yet valid or unknown; read again at the release of the answer.", "the agreement is not in force"},
	{ParseFailed, http.StatusBadRequest, "The document is not GraphQL.", "the document cannot be parsed"},
	{ValidationFailed, http.StatusBadRequest, "The document does not fit the schema that the caller sees.", "the document is not valid"},
	{BadUserInput, http.StatusBadRequest, "The body, a variable or an argument is malformed. Values are never echoed.", "the request is malformed"},
	{OperationTooComplex, http.StatusBadRequest, "Too many tokens, selections, root fields, directives or levels; checked before validation.", "the operation is too complex"},
	{RequestTooLarge, http.StatusRequestEntityTooLarge, "The body is larger than the limit (256 KiB by default).", "the request is too large"},
	{UnsupportedMediaType, http.StatusUnsupportedMediaType, "The body is not application/json; multipart and forms are refused.", "the body must be application/json"},
	{NotAcceptable, http.StatusNotAcceptable, "The Accept header takes neither application/graphql-response+json nor application/json.", "the answer has no acceptable form"},
	{MethodNotAllowed, http.StatusMethodNotAllowed, "/graphql takes POST.", "use POST"},
	{FilterNotPermitted, http.StatusBadRequest, "A filter, order, group or aggregate over a field that the caller sees only transformed, where it has no safe meaning.", "a filter, order, group or aggregate over a transformed field is not permitted"},
	{GroupTooSmall, http.StatusOK, "Groups or counts below the minimum group were withheld: one error on the list, never how many.", "groups below the minimum size are withheld"},
	{SourceUnavailable, http.StatusOK, "A source did not answer; the others still do.", "a source is unavailable"},
	{SourceTimeout, http.StatusOK, "A source did not answer in time.", "a source did not answer in time"},
	{SourceInvalid, http.StatusOK, "A source answered something that is not what was asked for; nothing of it is used.", "a source gave an invalid answer"},
	{ResultTooLarge, http.StatusOK, "Rows beyond the request's limit; nothing of that field is returned.", "the result is too large"},
	{InferenceOverloaded, http.StatusOK, "The models are busy, or did not answer in time: the computed field is null, the rest answers.", "the models are busy"},
	{InferenceFailed, http.StatusOK, "A model failed: the computed field is null, the rest answers.", "a model failed"},
	{SecAggAborted, http.StatusOK, "A secure aggregation was discarded: an agent, or the issuer of session tokens, did not do its part. Its keys are gone; ask again. What it spent stays spent.", "the secure aggregation was aborted"},
	{SecAggTooFew, http.StatusOK, "Fewer agencies contribute than the agreement, or one of them, asks for.", "too few agencies contribute"},
	{PrivacyBudgetExhausted, http.StatusOK, "The agreement has less privacy budget left for this dataset than the question costs. Nothing was asked.", "the privacy budget is exhausted"},
	{LedgerUnavailable, http.StatusServiceUnavailable, "The decision could not be recorded: no receipt, no data.", "the ledger is unavailable"},
	{StateUnavailable, http.StatusServiceUnavailable, "Revocations or the status of agreements could not be read.", "the state store is unavailable"},
	{Internal, http.StatusInternalServerError, "A mistake of the gateway; the id of the request finds it in the log.", "internal error"},
}

func infoOf(code Code) CodeInfo {
	for i := range codes {
		if codes[i].Code == code {
			return codes[i]
		}
	}
	return CodeInfo{Code: Internal, Status: http.StatusInternalServerError, Message: "internal error"}
}

// refusal ends a request: nothing of an answer leaves. Message is the table's where it is empty.
type refusal struct {
	Code    Code
	Message string
	Path    []string
	Errors  []responseError // instead of one error made of the above
	Header  [2]string       // one response header
	cause   error           // for the log alone
}

func refuse(code Code, cause error) *refusal { return &refusal{Code: code, cause: cause} }

func (r *refusal) errors() []responseError {
	if len(r.Errors) > 0 {
		return r.Errors
	}
	message := r.Message
	if message == "" {
		message = infoOf(r.Code).Message
	}
	return []responseError{{Message: message, Path: r.Path, Extensions: errorExtensions{Code: r.Code}}}
}
