package privacy

// Obligation is what is owed on one coordinate before its values may leave. The zero value is no permission to
// release raw values: Apply takes a disposition for every column and refuses what has none.
type Obligation struct {
	Method    string // "pseudonym", "mask", ...: a name in the set of transforms
	Arguments string // canonical JSON object, "" for none
}
