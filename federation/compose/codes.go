package compose

// Code names a kind of problem. Codes are stable: scripts and documentation rely on them.
type Code string

const (
	SDLSyntax           Code = "SDL_SYNTAX"
	InvalidUTF8         Code = "INVALID_UTF8"
	FileTooLarge        Code = "FILE_TOO_LARGE"
	AgencyInvalid       Code = "AGENCY_INVALID"
	SourceUnknown       Code = "SOURCE_UNKNOWN"
	SourceNotOwn        Code = "SOURCE_NOT_OWN"
	NoSource            Code = "NO_SOURCE"
	SourceTableMissing  Code = "SOURCE_TABLE_MISSING"
	DuplicateSource     Code = "DUPLICATE_SOURCE"
	NoKey               Code = "NO_KEY"
	KeyFieldUnknown     Code = "KEY_FIELD_UNKNOWN"
	KeyDiffers          Code = "KEY_DIFFERS"
	UnknownType         Code = "UNKNOWN_TYPE"
	DuplicateField      Code = "DUPLICATE_FIELD"
	FieldTypeMismatch   Code = "FIELD_TYPE_MISMATCH"
	UnknownDirective    Code = "UNKNOWN_DIRECTIVE"
	DirectiveArgument   Code = "DIRECTIVE_ARGUMENT"
	ClassificationWrong Code = "CLASSIFICATION_UNKNOWN"
	ClassificationsVary Code = "CLASSIFICATION_DIFFERS"
	Unclassified        Code = "UNCLASSIFIED"
	JoinSyntax          Code = "JOIN_SYNTAX"
	JoinTargetUnknown   Code = "JOIN_TARGET_UNKNOWN"
	JoinFieldUnknown    Code = "JOIN_FIELD_UNKNOWN"
	JoinTypeMismatch    Code = "JOIN_TYPE_MISMATCH"
	ComputedType        Code = "COMPUTED_TYPE"
	ComputedTextUnknown Code = "COMPUTED_TEXT_UNKNOWN"
	FusionInvalid       Code = "FUSION_INVALID"
	NameReserved        Code = "NAME_RESERVED"
	NoImplementation    Code = "NO_IMPLEMENTATION"
	NotSupported        Code = "NOT_SUPPORTED"
	ControlPlaneInvalid Code = "CONTROL_PLANE_INVALID"
	SchemaInvalid       Code = "SCHEMA_INVALID"
)

// Explanation is one row of the table of codes.
type Explanation struct {
	Code     Code
	Severity Severity
	Meaning  string
}

// Codes is every code that Compose reports, for documentation.
func Codes() []Explanation {
	return []Explanation{
		{SDLSyntax, Error, "the file is not schema definition language"},
		{InvalidUTF8, Error, "the file is not UTF-8"},
		{FileTooLarge, Error, "the file is over 1 MiB"},
		{AgencyInvalid, Error, "the agency's name is not one a policy package can have: a-z, 0-9 and _, a letter first"},
		{SourceUnknown, Error, "@source names a source that is not configured"},
		{SourceNotOwn, Error, "@source names another agency's source: whoever declares a column would decide over it"},
		{NoSource, Error, "a type, or a column that an extension adds, has no source of this agency"},
		{SourceTableMissing, Error, "@source does not say the table"},
		{DuplicateSource, Error, "a type has the same source twice"},
		{NoKey, Error, "a type has no @key"},
		{KeyFieldUnknown, Error, "@key names something that is not a column of each source of the type"},
		{KeyDiffers, Error, "two agencies give a type different first keys"},
		{UnknownType, Error, "a field or an extension names a type that nobody declares"},
		{DuplicateField, Error, "an agency declares a field of a type twice"},
		{FieldTypeMismatch, Error, "two agencies declare a field differently"},
		{UnknownDirective, Error, "a directive that does not exist, or not at this place"},
		{DirectiveArgument, Error, "a directive's argument is missing, unknown, repeated or of the wrong type"},
		{ClassificationWrong, Error, "@classify names no known class"},
		{ClassificationsVary, Warning, "two agencies classify a field differently: the stricter class holds for both"},
		{Unclassified, Warning, "a column has no @classify: it counts as SENSITIVE"},
		{JoinSyntax, Error, "a relation is not written @join(on: \"fieldHere = fieldThere\") on a field of an agency's type"},
		{JoinTargetUnknown, Error, "a relation's type is not declared by any agency"},
		{JoinFieldUnknown, Error, "a relation names a field that is not a column of its side"},
		{JoinTypeMismatch, Error, "a relation compares two kinds of values"},
		{ComputedType, Error, "a field with @ner is not a [NamedEntity!], or such a field has no @ner"},
		{ComputedTextUnknown, Error, "@ner names something that is not a String column of the type in this agency's rows"},
		{FusionInvalid, Error, "@fusion is not every agency's word, or it or @survivorship names something that does not fit the type"},
		{NameReserved, Error, "the name is the gateway's, or collides with one derived from another type"},
		{NoImplementation, Error, "no agency's type implements an interface, or is of a union"},
		{NotSupported, Error, "valid schema language that the gateway does not take from an agency"},
		{ControlPlaneInvalid, Error, "the gateway's own schema is broken"},
		{SchemaInvalid, Error, "the composed schema does not hold together; none of the other codes says why"},
	}
}

// severity of a code; one that the table lacks is an error.
func (c Code) severity() Severity {
	if c == Unclassified || c == ClassificationsVary {
		return Warning
	}
	return Error
}
