package demo

import "strings"

// Clinical notes are made from these sentences. They name the patient and give a telephone number and a date of
// birth, as notes do: what redaction has to find.
const (
	notesEn = "{name} (born {birth}) was admitted with {diagnosis}. Condition stable; reachable at {phone}. Next of kin informed.\n" +
		"Admitted for {diagnosis}. {name} reports improvement since day two. Please call {phone} to arrange follow-up.\n" +
		"Pt {name}, ID {id}, {diagnosis}. Afebrile, eating and drinking. Discharge planned, lives at {address}.\n" +
		"Seen on the {ward} ward: {diagnosis}. {name} asked for results by telephone ({phone}).\n" +
		"{name} tolerated treatment for {diagnosis} well. No new complaints. Community nurse to visit {address}."
	notesZh = "患者{name}，{birth}出生，因{diagnosis}入院。病情平稳，联系电话{phone}，已通知家属。\n" +
		"{name}因{diagnosis}收治，第二日起症状好转，出院后请拨打{phone}安排复诊。\n" +
		"患者{name}，身份证号{id}，诊断{diagnosis}。体温正常，饮食可，拟出院，住址{address}。\n" +
		"查房：{diagnosis}，{name}要求电话告知检查结果（{phone}）。\n" +
		"{name}对{diagnosis}的治疗耐受良好，无新发不适，社区护士将上门随访：{address}。"
)

func (c *clinic) note(a *admission) string {
	p := a.patient
	templates, text := notesEn, a.diagnosis.text
	if p.chinese {
		templates, text = notesZh, a.diagnosis.textZh
	}
	return strings.NewReplacer("{name}", p.name, "{birth}", p.birth.Format(dateForm), "{diagnosis}", text,
		"{phone}", p.phone, "{id}", p.nationalID, "{address}", p.address, "{ward}", a.diagnosis.ward).
		Replace(pick(c.rng, strings.Split(templates, "\n")))
}
