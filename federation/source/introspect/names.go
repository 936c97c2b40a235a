package introspect

import (
	"slices"
	"strings"
	"unicode"
)

// Classifications, from the strictest.
const (
	Direct       = "DIRECT_IDENTIFIER"
	FreeText     = "FREE_TEXT"
	Sensitive    = "SENSITIVE"
	Quasi        = "QUASI_IDENTIFIER"
	NonSensitive = "NON_SENSITIVE"
)

// vocabulary is words of column names. A word with spaces is several words in a row; Chinese is met anywhere in a name.
// Stricter classes are asked first.
type vocabulary struct {
	class   string
	words   string // separated by commas
	chinese string // separated by spaces
}

func vocabularies() []vocabulary {
	return []vocabulary{
		{Direct, "first name,last name,full name,given name,family name,middle name,maiden name,surname,forename,firstname,lastname,fullname," +
			"email,e mail,mail,phone,telephone,mobile,tel,cell,cellphone,fax,ssn,social security,nhs,nhs number,nino,national id,national insurance,nationalid,passport," +
			"id card,idcard,identity card,identity number,driver licence,driver license,driving licence,licence number,license number,mrn,medical record,patient number,hospital number," +
			"iban,bank account,account number,account no,card number,credit card,pan,ip,ip address,mac address,imei,imsi,device id," +
			"license plate,licence plate,plate,number plate,registration plate,vin,address,street,addr,home address,username,user name,login,nickname,wechat,qq,skype,twitter,photo,fingerprint," +
			"contact,next of kin,emergency contact,signature," +
			"xm,xingming,sfz,sfzh,sfzhm,zjh,zjhm,sjh,sjhm,lxdh,lxr,dianhua,shouji,jtzz,zhuzhi,youxiang,cph,yhkh,yhzh,blh,zyh",
			"姓名 名字 身份证 证件号 证件编号 护照 手机 电话 联系方式 联系人 邮箱 电子邮件 地址 住址 住所 门牌 车牌 银行卡 银行账 账号 帐号 病历号 住院号 门诊号 社保号 医保号 社保卡 医保卡 学号 微信 用户名 昵称 指纹 驾驶证 曾用名"},
		{FreeText, "note,notes,comment,comments,remark,remarks,description,narrative,memo,free text,freetext,summary,message,complaint,beizhu,bz",
			"备注 说明 描述 评论 意见 留言 摘要 主诉 病史 经过"},
		{Sensitive, "diagnosis,icd,disease,condition,symptom,medication,drug,treatment,allergy,blood type,hiv,salary,income,wage,debt,religion,ethnicity,race,sexual orientation," +
			"offence,offense,crime,conviction,verdict,sentence,disability,pregnant,union,political,party,genotype,score,benefit,zhenduan,gongzi,shouru",
			"诊断 疾病 病名 症状 药 治疗 过敏 血型 工资 收入 薪 债 宗教 犯罪 罪名 判决 处罚 残疾 怀孕 政治面貌 党派 补助 低保 成绩"},
		{Quasi, "birth,birth date,birthdate,date of birth,dob,birthday,age,sex,gender,postcode,postal code,zip,zip code,zipcode,city,town,district,county,region,province,ward,borough,suburb," +
			"occupation,profession,job,job title,employer,nationality,citizenship,marital,marital status,education,language,height,weight,latitude,longitude,lat,lon,lng," +
			"csrq,xb,xingbie,nl,nianling,mz,minzu,yb,youbian,zhiye,xueli,jg",
			"出生 生日 年龄 性别 邮编 邮政编码 民族 职业 婚姻 学历 籍贯 国籍 户籍 城市 区县 省份 街道 社区 身高 体重 单位 经度 纬度"},
		{NonSensitive, "status,type,category,code,count,amount,quantity,qty,price,currency,created,updated,created at,updated at,version,active,enabled,unit,sort,rank,level,capacity,title,colour,color,brand,model",
			"状态 类型 类别 编码 数量 金额 价格 单价 创建 更新 版本 单位名称 科室 床位 等级 品牌 型号"},
	}
}

// things have names that are nobody's: product_name, 药品名称.
func things() (english []string, chinese []string) {
	return strings.Split("product,item,file,ward,hospital,company,organisation,organization,district,city,station,department,dept,course,school,drug,medicine,test,species,"+
			"country,region,road,route,line,table,column,event,category,type,group,team,project,brand,model,vessel,ship,site,building,branch,store,shop,library,book,service,job,role,unit,display,host,domain,bank,facility,sensor,park,plan,policy,vendor,supplier,manufacturer", ","),
		strings.Fields("药品 商品 产品 单位 医院 科室 部门 学校 课程 项目 公司 机构 站点 线路 设备 城市 地区 区域 街道 社区 类别 类型 品牌 银行 疾病 病种 名称")
}

// words splits a name at its own seams: patientFirstName2 and PATIENT_FIRST_NAME are patient first name.
func words(name string) []string {
	var out []string
	var word []rune
	flush := func() {
		if len(word) > 0 {
			out = append(out, strings.ToLower(string(word)))
			word = word[:0]
		}
	}
	runes := []rune(name)
	for i, c := range runes {
		switch {
		case !unicode.IsLetter(c):
			flush()
			continue
		case unicode.IsUpper(c) && i > 0 && (unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])):
			flush()
		}
		word = append(word, c)
	}
	flush()
	return out
}

// byName is the class that a name tells, and the word that told it.
func byName(name string) (class, word string) {
	parts := words(name)
	english, chinese := things()
	thing := slices.ContainsFunc(parts, func(p string) bool { return slices.Contains(english, p) })
	named := len(parts) > 0 && (parts[len(parts)-1] == "name" || parts[len(parts)-1] == "title")
	if thing && named || strings.HasSuffix(name, "名称") || strings.HasSuffix(name, "名") && containsAny(name, chinese) != "" {
		return NonSensitive, "the name of a thing"
	}
	padded := " " + strings.Join(parts, " ") + " "
	for _, v := range vocabularies() {
		for w := range strings.SplitSeq(v.words, ",") {
			if strings.Contains(padded, " "+w+" ") {
				return v.class, w
			}
		}
		if w := containsAny(name, strings.Fields(v.chinese)); w != "" {
			return v.class, w
		}
	}
	if slices.Contains(parts, "name") {
		return Direct, "name"
	}
	return "", ""
}

func containsAny(s string, parts []string) string {
	for _, p := range parts {
		if strings.Contains(s, p) {
			return p
		}
	}
	return ""
}
