package introspect

// The commonest given and family names of English-speaking countries.
const (
	givenNames = `james mary robert patricia john jennifer michael linda david elizabeth william barbara richard susan joseph jessica thomas sarah
charles karen christopher lisa daniel nancy matthew betty anthony margaret mark sandra donald ashley steven kimberly paul emily andrew donna
joshua michelle kenneth dorothy kevin carol brian amanda george melissa edward deborah ronald stephanie timothy rebecca jason sharon jeffrey
laura ryan cynthia jacob kathleen gary amy nicholas shirley eric angela jonathan helen stephen anna larry brenda justin pamela scott nicole
brandon emma benjamin samantha samuel katherine gregory christine frank debra alexander rachel raymond catherine patrick carolyn jack janet
dennis ruth jerry maria tyler heather aaron diane jose virginia adam julie henry joyce nathan victoria douglas olivia zachary kelly peter
christina kyle lauren walter joan ethan evelyn jeremy judith harold megan keith cheryl christian andrea roger hannah noah martha gerald
jacqueline carl frances terry gloria sean ann austin teresa arthur kathryn lawrence sara jesse janice dylan jean bryan alice joe madison
jordan doris billy abigail bruce julia albert judy willie grace gabriel denise logan amber alan marilyn juan beverly wayne danielle roy
theresa ralph sophia randy marie eugene diana vincent brittany russell natalie elijah isabella louis charlotte bobby rose philip alexis
johnny kayla simon ian oliver harry amelia isla ava mia ella lily sophie lucy chloe fatima mohammed muhammad ahmed aisha omar ali yusuf
ibrahim liam connor callum hamish fiona moira nigel gareth rhys megan owen nadia priya anita ravi sanjay deepak sunita carlos luis miguel`
	familyNames = `smith johnson williams brown jones garcia miller davis rodriguez martinez hernandez lopez gonzalez wilson anderson thomas taylor moore
jackson martin lee perez thompson white harris sanchez clark ramirez lewis robinson walker young allen king wright scott torres nguyen hill
flores green adams nelson baker hall rivera campbell mitchell carter roberts gomez phillips evans turner diaz parker cruz edwards collins
reyes stewart morris morales murphy cook rogers gutierrez ortiz morgan cooper peterson bailey reed kelly howard ramos kim cox ward richardson
watson brooks chavez wood james bennett gray mendoza ruiz hughes price alvarez castillo sanders patel myers long ross foster jimenez khan
singh ahmed begum ali hussain shah davies walsh byrne ryan oconnor obrien mcdonald macdonald murray reid fraser hamilton wallace simpson
marshall shaw ellis harrison mason hunt palmer mills lloyd griffiths barnes knight jenkins powell butler webb`
)
