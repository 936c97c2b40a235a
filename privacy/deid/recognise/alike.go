package recognise

// Letters that look like a Latin one, from the Greek and Cyrillic blocks.
const (
	alikeFirst = 0x370
	alikeSize  = 0x530 - alikeFirst
)

// alikes maps look-alike letters to Latin ones (after Unicode TR 39's confusables, single letters only).
func alikes() [alikeSize]byte {
	var t [alikeSize]byte
	pairs := "АAВBЕEЅSІIЈJКKМMНHОOРPСCТTХXаaеeоoрpсcуyхxѕsіiјjԁdҮYһhԛqԝwӏlӀIЬbѵvкkмmтtнh" +
		"ΑAΒBΕEΖZΗHΙIΚKΜMΝNΟOΡPΤTΥYΧXοoνvρpαaιiκkυuγy"
	from := rune(0)
	for _, c := range pairs {
		if from == 0 {
			from = c
			continue
		}
		t[from-alikeFirst], from = byte(c), 0
	}
	return t
}
