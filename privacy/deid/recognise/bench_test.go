package recognise

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

// prose is synthetic sentences, in ASCII: identifiers are denser here than in any note.
func prose(t testing.TB) string {
	var b strings.Builder
	for _, g := range synthetic(t) {
		if strings.IndexFunc(g.Text, func(c rune) bool { return c >= 0x80 }) < 0 {
			b.WriteString(g.Text)
			b.WriteByte('\n')
		}
	}
	return b.String()
}

const englishNote = "The patient was admitted with a three week history of cough and intermittent fever. There is a past history of raised blood pressure, " +
	"treated for more than ten years with good control. On examination the patient was alert and oriented; breath sounds were coarse in both lungs, without clear rales; heart rate 78 per minute, regular. " +
	"A CT of the chest on 2024-03-05 showed a nodule in the right upper lobe, and follow-up was advised. Next of kin Mr. Daniel Wright, phone (415) 555-2671, 2450 Crown Street, Springfield. " +
	"Plan: rest, medication as before, review in the clinic in one month. The results were explained to the family, who understand and agree with the plan as it stands today.\n"

const chineseNote = "患者因反复咳嗽三周入院，既往有高血压病史十余年，规律服药，血压控制尚可。查体：神志清楚，双肺呼吸音粗，未闻及明显干湿性啰音，心率每分钟七十八次，律齐。" +
	"于2024年3月5日行胸部检查，提示右肺上叶结节，建议随访。家属王先生，联系电话13800138000，住浙江省杭州市西湖区文三路123号。医嘱：注意休息，按时服药，一月后门诊复查。\n"

func processTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkFind(b *testing.B) {
	for _, c := range []struct{ name, text string }{
		{"ascii", strings.Repeat(englishNote, 400)},
		{"ascii-dense", prose(b)},
		{"chinese", strings.Repeat(chineseNote, 400)},
		{"fullwidth", strings.Repeat("ｃａｌｌ １３８００１３８０００ ", 4000)},
		{"digits", strings.Repeat("12 345 678 90 1234 ", 8000)},
	} {
		b.Run(c.name, func(b *testing.B) {
			r := New(Options{Years: true})
			b.SetBytes(int64(len(c.text)))
			b.ReportAllocs()
			before := processTime()
			for b.Loop() {
				r.Find(c.text)
			}
			// On a machine that does other work as well, wall time is not what the code takes.
			b.ReportMetric(float64(len(c.text))*float64(b.N)/1e6/(processTime()-before).Seconds(), "MB/cpu-s")
		})
	}
}
