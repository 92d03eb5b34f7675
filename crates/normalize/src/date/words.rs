//! The words of dates: months and days of the week in many languages.
//!
//! The names of months and days are those of Unicode's CLDR (wide and abbreviated, alone and within a date, so with the
//! genitives of Slavic languages) and some more spellings that people use. They are compared by [`name_key_v1`], so accents, case
//! and points don't matter. The licence of CLDR is in `LICENSE-unicode` next to this file.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use crate::name::name_key_v1;

/// The languages whose names of months are known, as BCP 47 tags. Dates in Chinese, Japanese, Korean and Vietnamese mostly have
/// numbers of months. These are read in every language.
pub const LANGUAGES: &[&str] = &{
    let mut languages = [""; MONTHS.len()];
    let mut at = 0;
    while at < MONTHS.len() {
        languages[at] = MONTHS[at].0;
        at += 1;
    }
    languages
};

/// A set of [`LANGUAGES`]: one bit each.
pub(super) type Languages = u64;

/// The months that a word can mean, and in which languages.
pub(super) type Meanings = Vec<(u32, Languages)>;

/// The bit of a language, or `None` if it is not known.
pub(super) fn language(tag: &str) -> Option<Languages> {
    LANGUAGES.iter().position(|known| known.eq_ignore_ascii_case(tag)).map(|at| 1 << at)
}

/// What a word means as a month, in one of these languages. `key` is a key of [`name_key_v1`].
pub(super) fn months(key: &str, languages: Languages) -> Meanings {
    let meanings = KEYS.get(key).into_iter().flatten();
    meanings.filter(|(_, known_in)| known_in & languages != 0).copied().collect()
}

/// Whether a word is a day of the week in any language.
pub(super) fn is_weekday(key: &str) -> bool {
    WEEKDAY_KEYS.contains(key)
}

/// Whether a word occurs in dates and means nothing: articles, `of`, the word for *year*, endings of ordinals.
pub(super) fn is_filler(key: &str) -> bool {
    FILLERS.split_whitespace().any(|filler| filler == key)
}

static KEYS: LazyLock<HashMap<String, Meanings>> = LazyLock::new(|| {
    let mut keys: HashMap<String, Meanings> = HashMap::new();
    for (at, (_, months)) in MONTHS.iter().enumerate() {
        for (month, names) in (1..).zip(months) {
            for name in names.split('|') {
                let meanings = keys.entry(name_key_v1(name)).or_default();
                match meanings.iter_mut().find(|(known, _)| *known == month) {
                    Some((_, languages)) => *languages |= 1 << at,
                    None => meanings.push((month, 1 << at)),
                }
            }
        }
    }
    keys
});

/// The keys of all months, for tests.
#[cfg(test)]
pub(super) fn all_keys() -> impl Iterator<Item = &'static str> {
    KEYS.keys().map(String::as_str)
}

static WEEKDAY_KEYS: LazyLock<HashSet<&str>> = LazyLock::new(|| WEEKDAYS.split_whitespace().collect());

/// Keys.
const FILLERS: &str = "of the on in de del d da di do du le la el den der am dne dnia dia die il lo of year \
    st nd rd th er ere e eme ro o a mo vo to no ste de en nd ta \
    г год года го е й ого р рік року року ў гада г roku rok rokiem r l leta god godine godina g m metu d gada gads ev \
    του την στις i a ng evi ko eko an any del ano anno annee jahr yil yili yilinda 年 日 년 일 ngay nam sana في ب";

/// Keys of the days of the week.
const WEEKDAYS: &str = "monday mon mo tuesday tue tu wednesday wed we thursday thu th friday fri fr saturday sat sa sunday sun su montag \
    dienstag di mittwoch mi donnerstag do freitag samstag sonntag so lundi lun lu mardi mar ma mercredi mer me jeudi jeu \
    je vendredi ven ve samedi sam dimanche dim lunes martes miercoles mie jueves jue ju viernes vie vi sabado sab domingo \
    dom lunedi martedi mercoledi giovedi gio venerdi sabato domenica segunda feira seg terca ter quarta qua quinta qui \
    sexta sex maandag dinsdag woensdag wo donderdag vrijdag vr zaterdag za zondag zo vrydag saterdag sondag mandag man \
    tirsdag tirs ti onsdag ons on torsdag tors to fredag fre lordag lor lo son tisdag tis tir tor tysdag ty laurdag la \
    manudagur thridjudagur thri thr midvikudagur mid fimmtudagur fim fi fostudagur fos fo laugardagur lau sunnudagur \
    maanantaina maanantai tiistaina tiistai keskiviikkona ke keskiviikko torstaina torstai perjantaina pe perjantai \
    lauantaina lauantai sunnuntaina sunnuntai esmaspaev teisipaev kolmapaev neljapaev reede laupaev puhapaev pirmdiena \
    pirmd pr otrdiena otrd ot tresdiena tresd tr ceturtdiena ceturtd ce piektdiena piektd pk sestdiena sestd se svetdiena \
    svetd sv pirmadienis antradienis an treciadienis ketvirtadienis kt penktadienis pn sestadienis st sekmadienis sk \
    poniedzialek pon wtorek wt wto sroda sr sro czwartek czw piatek pt pia sobota sob niedziela niedz nie pondeli po utery \
    ut streda ctvrtek ct patek pa nedele ne pondelok utorok stvrtok piatok pi nedela ponedeljek torek sreda sre cetrtek \
    cet petek pet nedelja ned ponedjeljak utorak uto srijeda sri cetvrtak petak subota sub nedjelja ponedeljak понедељак \
    пон по уторак уто ут среда сре ср четвртак чет че петак пет пе субота суб су недеља нед не понеделник вторник вто \
    четврток петок сабота саб недела пн вт сряда четвъртък чт петък пт събота сб неделя нд понедельник четверг пятница \
    суббота воскресенье вс понеділок вівторок середа четвер пятниця неділя панядзелак аўторак аў серада чацвер чц пятніца \
    нядзеля luni marti miercuri joi jo vineri vin sambata duminica dum du hetfo kedd szerda sze csutortok cs pentek \
    szombat szo vasarnap δευτερα δευ δε τριτη τρι τρ τεταρτη τετ τε πεμπτη πεμ πε παρασκευη παρ πα σαββατο σαβ σα κυριακη \
    κυρ κυ pazartesi pzt sali sal carsamba car ca persembe per cuma cum cu cumartesi cmt pazar paz dilluns dl dimarts dt \
    dimecres dc dijous dj divendres dv dissabte ds diumenge dg luns mercores xoves xov xo venres astelehena al asteartea \
    ar asteazkena az osteguna og ostirala or larunbata lr igandea ig hene hen marte merkure enjte enj premte pre shtune \
    sht diel die senin sen selasa sel rabu rab kamis kam jumat jum sabtu minggu min isnin isn is ra khamis kha kh jumaat \
    ahad ahd ah الاثنين إثنين الثلاثاء ثلاثاء الأربعاء أربعاء الخميس خميس الجمعة جمعة السبت سبت الأحد أحد יום שני שלישי \
    רביעי חמישי שישי שבת ראשון सोमवार सोम सो मंगलवार मंगल मं बुधवार बुध बु गुरुवार गुरु गु शुक्रवार शुक्र शु शनिवार शनि \
    रविवार रवि tues thur thurs weds \
    月曜日 火曜日 水曜日 木曜日 金曜日 土曜日 日曜日 月 火 水 木 金 土 日 星期一 星期二 星期三 星期四 星期五 星期六 星期日 星期天 周一 周二 周三 周四 周五 周六 周日 週一 週二 週三 週四 週五 週六 週日 \
    월요일 화요일 수요일 목요일 금요일 토요일 일요일 chu nhat thu hai ba tu nam sau bay 월 화 수 목 금 토 일";

/// Each language with its months. The names of a month are separated by `|`.
#[rustfmt::skip]
const MONTHS: [(&str, [&str; 12]); 44] = [
    ("en", ["january|jan", "february|feb", "march|mar", "april|apr", "may", "june|jun", "july|jul", "august|aug", "september|sep|sept", "october|oct", "november|nov", "december|dec"]),
    ("de", ["januar|jan|jänner|jaenner", "februar|feb", "märz|mär|mrz", "april|apr", "mai", "juni|jun", "juli|jul", "august|aug", "september|sept|sep", "oktober|okt", "november|nov", "dezember|dez"]),
    ("fr", ["janvier|janv", "février|févr", "mars", "avril|avr", "mai", "juin", "juillet|juil|juill", "août|aou", "septembre|sept", "octobre|oct", "novembre|nov", "décembre|déc"]),
    ("es", ["enero|ene", "febrero|feb", "marzo|mar", "abril|abr", "mayo|may", "junio|jun", "julio|jul", "agosto|ago", "septiembre|sept|setiembre|set|sep", "octubre|oct", "noviembre|nov", "diciembre|dic"]),
    ("it", ["gennaio|gen", "febbraio|feb", "marzo|mar", "aprile|apr", "maggio|mag", "giugno|giu", "luglio|lug", "agosto|ago", "settembre|set", "ottobre|ott", "novembre|nov", "dicembre|dic"]),
    ("pt", ["janeiro|jan", "fevereiro|fev", "março|mar", "abril|abr", "maio|mai", "junho|jun", "julho|jul", "agosto|ago", "setembro|set", "outubro|out", "novembro|nov", "dezembro|dez"]),
    ("nl", ["januari|jan", "februari|feb", "maart|mrt", "april|apr", "mei", "juni|jun", "juli|jul", "augustus|aug", "september|sep", "oktober|okt", "november|nov", "december|dec"]),
    ("af", ["januarie|jan", "februarie|feb", "maart|mrt", "april|apr", "mei", "junie|jun", "julie|jul", "augustus|aug", "september|sep", "oktober|okt", "november|nov", "desember|des"]),
    ("da", ["januar|jan", "februar|feb", "marts|mar", "april|apr", "maj", "juni|jun", "juli|jul", "august|aug", "september|sep", "oktober|okt", "november|nov", "december|dec"]),
    ("sv", ["januari|jan", "februari|feb", "mars", "april|apr", "maj", "juni", "juli", "augusti|aug", "september|sep", "oktober|okt", "november|nov", "december|dec"]),
    ("nb", ["januar|jan", "februar|feb", "mars|mar", "april|apr", "mai", "juni|jun", "juli|jul", "august|aug", "september|sep", "oktober|okt", "november|nov", "desember|des"]),
    ("nn", ["januar|jan", "februar|feb", "mars|mar", "april|apr", "mai", "juni|jun", "juli|jul", "august|aug", "september|sep", "oktober|okt", "november|nov", "desember|des"]),
    ("is", ["janúar|jan", "febrúar|feb", "mars|mar", "apríl|apr", "maí", "júní|jún", "júlí|júl", "ágúst|ágú", "september|sep", "október|okt", "nóvember|nóv", "desember|des"]),
    ("fi", ["tammikuuta|tammi|tammikuu", "helmikuuta|helmi|helmikuu", "maaliskuuta|maalis|maaliskuu", "huhtikuuta|huhti|huhtikuu", "toukokuuta|touko|toukokuu", "kesäkuuta|kesä|kesäkuu", "heinäkuuta|heinä|heinäkuu", "elokuuta|elo|elokuu", "syyskuuta|syys|syyskuu", "lokakuuta|loka|lokakuu", "marraskuuta|marras|marraskuu", "joulukuuta|joulu|joulukuu"]),
    ("et", ["jaanuar|jaan", "veebruar|veebr", "märts", "aprill|apr", "mai", "juuni", "juuli", "august|aug", "september|sept", "oktoober|okt", "november|nov", "detsember|dets"]),
    ("lv", ["janvāris|janv|janvārī", "februāris|febr|februārī", "marts|martā", "aprīlis|apr|aprīlī", "maijs|maijā", "jūnijs|jūn|jūnijā", "jūlijs|jūl|jūlijā", "augusts|aug|augustā", "septembris|sept|septembrī", "oktobris|okt|oktobrī", "novembris|nov|novembrī", "decembris|dec|decembrī"]),
    ("lt", ["sausio|saus|sausis", "vasario|vas|vasaris", "kovo|kov|kovas", "balandžio|bal|balandis", "gegužės|geg|gegužė", "birželio|birž|birželis", "liepos|liep|liepa", "rugpjūčio|rugp|rugpjūtis", "rugsėjo|rugs|rugsėjis", "spalio|spal|spalis", "lapkričio|lapkr|lapkritis", "gruodžio|gruod|gruodis"]),
    ("pl", ["stycznia|sty|styczeń", "lutego|lut|luty", "marca|mar|marzec", "kwietnia|kwi|kwiecień", "maja|maj", "czerwca|cze|czerwiec", "lipca|lip|lipiec", "sierpnia|sie|sierpień", "września|wrz|wrzesień", "października|paź|październik", "listopada|lis|listopad", "grudnia|gru|grudzień"]),
    ("cs", ["ledna|led|leden", "února|úno|únor", "března|bře|březen", "dubna|dub|duben", "května|kvě|květen", "června|čvn|červen", "července|čvc|červenec", "srpna|srp|srpen", "září|zář", "října|říj|říjen", "listopadu|lis|listopad", "prosince|pro|prosinec"]),
    ("sk", ["januára|jan|január", "februára|feb|február", "marca|mar|marec", "apríla|apr|apríl", "mája|máj", "júna|jún", "júla|júl", "augusta|aug|august", "septembra|sep|september", "októbra|okt|október", "novembra|nov|november", "decembra|dec|december"]),
    ("sl", ["januar|jan", "februar|feb", "marec|mar", "april|apr", "maj", "junij|jun", "julij|jul", "avgust|avg", "september|sep", "oktober|okt", "november|nov", "december|dec"]),
    ("hr", ["siječnja|sij|siječanj", "veljače|velj|veljača", "ožujka|ožu|ožujak", "travnja|tra|travanj", "svibnja|svi|svibanj", "lipnja|lip|lipanj", "srpnja|srp|srpanj", "kolovoza|kol|kolovoz", "rujna|ruj|rujan", "listopada|lis|listopad", "studenoga|stu|studeni", "prosinca|pro|prosinac"]),
    ("bs", ["januar|jan", "februar|feb", "mart|mar", "april|apr", "maj", "juni|jun", "juli|jul", "august|aug", "septembar|sep", "oktobar|okt", "novembar|nov", "decembar|dec"]),
    ("sr-Latn", ["januar|jan", "februar|feb", "mart|mar", "april|apr", "maj", "jun", "jul", "avgust|avg", "septembar|sep", "oktobar|okt", "novembar|nov", "decembar|dec"]),
    ("sr", ["јануар|јан", "фебруар|феб", "март|мар", "април|апр", "мај", "јун", "јул", "август|авг", "септембар|сеп", "октобар|окт", "новембар|нов", "децембар|дец"]),
    ("mk", ["јануари|јан", "февруари|фев", "март|мар", "април|апр", "мај", "јуни|јун", "јули|јул", "август|авг", "септември|сеп", "октомври|окт", "ноември|ное", "декември|дек"]),
    ("bg", ["януари|яну", "февруари|фев", "март", "април|апр", "май", "юни", "юли", "август|авг", "септември|сеп", "октомври|окт", "ноември|ное", "декември|дек"]),
    ("ru", ["января|янв|январь", "февраля|февр|февраль|фев", "марта|мар|март", "апреля|апр|апрель", "мая|май", "июня|июн|июнь", "июля|июл|июль", "августа|авг|август", "сентября|сент|сентябрь|сен", "октября|окт|октябрь", "ноября|нояб|ноябрь|ноя", "декабря|дек|декабрь"]),
    ("uk", ["січня|січ|січень", "лютого|лют|лютий", "березня|бер|березень", "квітня|квіт|квітень", "травня|трав|травень", "червня|черв|червень", "липня|лип|липень", "серпня|серп|серпень", "вересня|вер|вересень", "жовтня|жовт|жовтень", "листопада|лист|листопад", "грудня|груд|грудень"]),
    ("be", ["студзеня|сту|студзень", "лютага|лют|люты", "сакавіка|сак|сакавік", "красавіка|кра|красавік", "мая|май", "чэрвеня|чэр|чэрвень", "ліпеня|ліп|ліпень", "жніўня|жні|жнівень", "верасня|вер|верасень", "кастрычніка|кас|кастрычнік", "лістапада|ліс|лістапад", "снежня|сне|снежань"]),
    ("ro", ["ianuarie|ian", "februarie|feb", "martie|mar", "aprilie|apr", "mai", "iunie|iun", "iulie|iul", "august|aug", "septembrie|sept", "octombrie|oct", "noiembrie|nov", "decembrie|dec"]),
    ("hu", ["január|jan", "február|febr", "március|márc", "április|ápr", "május|máj", "június|jún", "július|júl", "augusztus|aug", "szeptember|szept", "október|okt", "november|nov", "december|dec"]),
    ("el", ["ιανουαρίου|ιαν|ιανουάριος", "φεβρουαρίου|φεβ|φεβρουάριος", "μαρτίου|μαρ|μάρτιος", "απριλίου|απρ|απρίλιος", "μαΐου|μαΐ|μάιος", "ιουνίου|ιουν|ιούνιος", "ιουλίου|ιουλ|ιούλιος", "αυγούστου|αυγ|αύγουστος", "σεπτεμβρίου|σεπ|σεπτέμβριος", "οκτωβρίου|οκτ|οκτώβριος", "νοεμβρίου|νοε|νοέμβριος", "δεκεμβρίου|δεκ|δεκέμβριος"]),
    ("tr", ["ocak|oca", "şubat|şub", "mart|mar", "nisan|nis", "mayıs|may", "haziran|haz", "temmuz|tem", "ağustos|ağu", "eylül|eyl", "ekim|eki", "kasım|kas", "aralık|ara"]),
    ("ca", ["gener|gen", "febrer|febr", "març", "d’abril|d’abr|abril|abr", "maig", "juny", "juliol|jul", "d’agost|d’ag|agost|ag", "setembre|set", "d’octubre|d’oct|octubre|oct", "novembre|nov", "desembre|des"]),
    ("gl", ["xaneiro|xan", "febreiro|feb", "marzo|mar", "abril|abr", "maio", "xuño", "xullo|xul", "agosto|ago", "setembro|set", "outubro|out", "novembro|nov", "decembro|dec"]),
    ("eu", ["urtarrila|urt|urtarrilaren", "otsaila|ots|otsailaren", "martxoa|mar|martxoaren", "apirila|api|apirilaren", "maiatza|mai|maiatzaren", "ekaina|eka|ekainaren", "uztaila|uzt|uztailaren", "abuztua|abu|abuztuaren", "iraila|ira|irailaren", "urria|urr|urriaren", "azaroa|aza|azaroaren", "abendua|abe|abenduaren"]),
    ("sq", ["janar|jan", "shkurt|shk", "mars|mar", "prill|pri", "maj", "qershor|qer", "korrik|korr", "gusht|gush", "shtator|sht", "tetor|tet", "nëntor|nën", "dhjetor|dhj"]),
    ("id", ["januari|jan", "februari|feb", "maret|mar", "april|apr", "mei", "juni|jun", "juli|jul", "agustus|agu", "september|sep", "oktober|okt", "november|nov", "desember|des"]),
    ("ms", ["januari|jan", "februari|feb", "mac", "april|apr", "mei", "jun", "julai|jul", "ogos|ogo", "september|sep", "oktober|okt", "november|nov", "disember|dis"]),
    ("ar", ["يناير|كانون الثاني", "فبراير|شباط", "مارس|آذار", "أبريل|نيسان", "مايو|أيار", "يونيو|حزيران", "يوليو|تموز", "أغسطس|آب", "سبتمبر|أيلول", "أكتوبر|تشرين الأول", "نوفمبر|تشرين الثاني", "ديسمبر|كانون الأول"]),
    ("he", ["ינואר|ינו|בינואר|בינו", "פברואר|פבר|בפברואר|בפבר", "מרץ|במרץ", "אפריל|אפר|באפריל|באפר", "מאי|במאי", "יוני|ביוני", "יולי|ביולי", "אוגוסט|אוג|באוגוסט|באוג", "ספטמבר|ספט|בספטמבר|בספט", "אוקטובר|אוק|באוקטובר|באוק", "נובמבר|נוב|בנובמבר|בנוב", "דצמבר|דצמ|בדצמבר|בדצמ"]),
    ("hi", ["जनवरी|जन", "फ़रवरी|फ़र", "मार्च", "अप्रैल", "मई", "जून", "जुलाई|जुल", "अगस्त|अग", "सितंबर|सित", "अक्टूबर|अक्टू", "नवंबर|नव", "दिसंबर|दिस"]),
    ("zh", ["一月", "二月", "三月", "四月", "五月", "六月", "七月", "八月", "九月", "十月", "十一月", "十二月"]),
];
