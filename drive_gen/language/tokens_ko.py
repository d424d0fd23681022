"""Korean text -> tokens: longest phrases over letters, whatever the spaces; numbers with units; particles."""

from __future__ import annotations

import re

from drive_gen.language import words_ko
from drive_gen.language.inflect import final
from drive_gen.language.lexicon import JOIN, Lexicon, Token, folded, lexicon, normal_ko
from drive_gen.language.plan import Share
from drive_gen.language.units import Pattern, numbered

LONGEST = 16  # letters of a phrase
NUMBERS = {normal_ko(word): number for number, word in enumerate(words_ko.NUMBERS)} | {
    "하나": 1,
    "두어": 2,
    "둘": 2,
    "셋": 3,
    "넷": 4,
    "여러": 3,
    "몇": 3,
    "서너": 3,
    "일": 1,
    "이": 2,
    "삼": 3,
    "사": 4,
    "오": 5,
    "육": 6,
    "칠": 7,
    "팔": 8,
    "구": 9,
    "십": 10,
    "두세": 3,
    "너댓": 4,
    "대여섯": 5,
    "한두": 2,
}
WHOLE = ("어떤차도", "어떤차량도", "아무차도")  # not the beginning of 어떤 차 도중에
PARTICLES = "은는이가도를을에의로고며면서지"  # with which no word across a space begins
DENIABLE = ("event", "task", "toward", "speed", "style", "weather", "density")
NEGATED = "없않"  # single letters that count inside a word, too
ALONE = "은는이가도를을에의엔만과와로까인임야으,.!?;: "  # what may follow a word of a single letter
ENDINGS = re.compile(
    r"(지만|는데|은데|인데|ㄴ데|던데|고|며|면서|면|으나|자|는지|니까|으니|길레|해서|아서|어서|라서|려서|"
    r"더니|니|"
    r"거든|거니와|(?:^|[할을갈올릴일])떼(?:에|는|엔)?|다가|든지|구|고나서|고요|는데요|네|네요|데다가|대|라|"
    r"데)$"
)
SLIPS = tuple(
    (re.compile(pattern), right)
    for pattern, right in (
        (r"에 서 ?있", "의 서있"),
        (r"없써", "없어"),
        (r"(초(?:쯤|경|정도)?) (?=[뒤뒷](?:차|트럭|에서|따라))", r"\1에 "),
        (r"(밤|새벽|저녁|아침)(안개|비|눈)(?=[ 가이오내속은 에])", r"\1 \2"),
        (r"(?<![가-힣])웬 ?(?=(?:[가-힣]+ )?[차트화승])", ""),
        (r"(난폭|과속|저속|방어|초보|미친|느림보|거북이)(?=차[가는이를 ])", r"\1 "),
        (r"[껴낑][듦듬]", "끼어듦"),
        (r"(?<![0-9])0 ?대", "없음"),
        (r"(?<![가-힣])고속(?= ?\d차[로선])", "고속도로"),
        (r"[은는] ?물론(?:이고|이거니와)?", "와"),
        (r"(충돌|사고|추돌)(?:[은을를는])? ?(?:피하|피한|피해|피함)[가-힣]*", r"\1 없음"),
        (r"(차[로선]|속도|속력)([를을]?) (안|못|않) ?(?=[바올내높변옮유])", r"안 \1\2 "),
        (r"업(?=[음는고다어씀슴지네구이])", "없"),
        (r"않(?= ?[하한해함바그끼멈급가돼되])", "안"),
        (r"(?<=지)(?: ?)안(?=는|습|음|고|아|았|지)", "않"),
        (r"만(?=음|이 ?[온오와내]|아요|다[. ]|네)", "많"),
        (r"끼여(?=드|들|듬|든)", "끼어"),
        (r"써킷", "서킷"),
        (r"나란이", "나란히"),
        (r"가까히", "가까이"),
        (r"갑작이", "갑자기"),
        (r"([가-힣])임다", r"\1입니다"),
        (r"무사고", "사고 없음"),
        (r"바꿈(?=니)", "바꿉"),
        (r"붐빔(?=니)", "붐빕"),
        (r"남(?=니다)", "납"),
        (r"끼어듬", "끼어듦"),
        (r"꺽", "꺾"),
        (r"됬", "됐"),
        (r"낌(?=[. ])", "낌"),
        (r"맣(?=이|은|음)", "많"),
    )
)
MARKS = (
    (re.compile(r"[=]"), ":"),
    (re.compile(r"\s[/|]\s|\s-+\s|[—–|+→()\[\]]|\.\.+|…|->|\s·\s"), " | "),
    (re.compile(r"~|'|\""), ""),
)
_N = r"(\d+(?:\.\d+)?|[한두세네]|다섯|여섯)"
_COUNTED = r"(\d+|한|두어|두세|한두|두|세|네|다섯|여섯|일곱|여덟|아홉|열|서너|너댓|대여섯|여러|몇)"
_LESS = (
    r"(?:이내|미만|이하|안쪽|밑으로|밑|도안되게|도안되는|도안돼|안되는|안되게|도못되는|"
    r"이상|넘게|넘는|초과|이넘는|가넘는|를넘는)?"
)
_ABOUT = r"(?:약|대략|한|거의)?"
_VERY = (r"(?:겁나|엄청|엄청나게|무지|무지하게|굉장히|상당히|제법|좀|꽤|너무|너무너무|아주|매우|정말|진짜|"
         r"되게|무진장|완전|졸라|"
         r"존나|많이|훨씬|워낙|하도|참|참으로|몹시|대단히|그냥|무척|어마어마하게|그렇게)")
_QUICKLY = (r"(?:좀|더|확|쭉|조금|살짝|막|점점|급히|급하게|갑자기|서서히|빠르게|크게|다시|슬슬|팍|꽉|콱|"
            r"세게|힘껏|냅다|쎄게|있는힘껏|"
            r"강하게|느닷없이|여러번|자꾸|또|한번|한칸|휙)")
_TRAFFIC = r"(?:차|차들|차량|차량들|교통량|교통|통행량)(?:이|가|은|는|도|들이|들은|들도)?"
_HERE = r"(?:우리|내|제|저희|나의|자차|우리차|내차|자차의)?(?:바로|차로|차선|코)?앞"
Patterns = tuple[Pattern, ...]
PATTERNS: Patterns = tuple(
    Pattern(re.compile(folded(row[0])), *row[1:])
    for row in (
        (r"편도:?(\d+|[일이삼사오육한두세네]|다섯|여섯)(?:게)?차[로선]", "lanes"),
        (r"차[로선](?:수|의수|게수)?[가이은는도]?[:=]?(\d+|한|두|세|네|다섯|여섯)(?:게|차[로선])", "lanes"),
        (r"차[로선](?:수)?[가이은는도]?[:=]?(\d+|하나|둘|셋|넷|다섯|여섯)(?!데|초|미터|m|명)", "lanes"),
        (
            r"(\d+|한|두|세|네|다섯|여섯|[일이삼사오육])(?:게의|게)?차[로선](?![를을]?(?:바|변|옮)|로(?:옮|"
            r"이동|변|바|가|들|빠))",
            "lanes",
        ),
        (
            r"(\d+(?:\.\d+)?|일|이|삼|사|오|육|칠|팔|구|십)초(?:쯤|경|정도|무렵|께|즈음)?(?:만에|"
            r"뒤에(?!고)|뒤|후에(?!고)|후|지나서|지나|"
            r"지났을때|에|때에|때|시점에|시점|쯤)?(?!반)",
            "at_s",
        ),
        (r"(?:t|시각|시간)[:=]?(\d+(?:\.\d+)?)(?:초|s)?", "at_s"),
        (r"(\d+(?:\.\d+)?)(?:s|sec)(?:에|후|뒤)?", "at_s"),
        (
            rf"(?:시속|속도|속력|속도는)[:은는]?{_ABOUT}(\d+)(?:킬로미터|킬로|키로미터|키로|km/h|kmh|km|"
            rf"k)?(?:로|의|정도|쯤|으로)?{_LESS}",
            "km/h",
        ),
        (
            rf"(\d+)(?:km/h|kmh|kph|킬로미터퍼아워|킬로(?!미터)|키로(?!미터)|km(?!앞|뒤))(?:로|의|정도|쯤|"
            rf"으로)?{_LESS}",
            "km/h",
        ),
        (rf"(\d+)(?:mph|마일)(?:로|의)?{_LESS}", "mph"),
        (rf"(?:초속){_ABOUT}(\d+(?:\.\d+)?)(?:미터|m)?(?:/s)?(?:로|의)?{_LESS}", "m/s"),
        (r"(\d+(?:\.\d+)?)(?:m/s|mps)(?:로|의)?", "m/s"),
        (
            rf"{_ABOUT}(\d+|십|이십|삼십|사십|오십|육십|칠십|팔십|백)(?:미터|m|메터|엠)(?!/)(?:정도|쯤|"
            rf"가량)?{_LESS}",
            "m",
        ),
        (rf"{_COUNTED}데(?!로|형|낮|기|게)(?:의|정도|쯤)?", "count"),
        (r"(\d+)(?:명|게)(?=의차|의트)", "count"),
        (r"(하나|둘|셋|넷)(?=[이가은는을 ,.]|$)", "count"),
        (r"(한|두|세|네)(?=차량|트럭|승용차|화물차|운전자)", "count"),
        (rf"(?:속도|속력|스피드)(?:를|을)?{_QUICKLY}+(?:높[여이인임일입]|올[려리린림릴립]|내[고며기는서]|"
         rf"낸|냄|냅|붙[이인여]|끌어올)",
         "event", "accelerate"),
        (rf"브레이크(?:를|만)?{_QUICKLY}+(?:밟|잡|때[리려]|누르|눌|걸|당[기겨])", "event", "brake"),
        (rf"차[로선](?:를|을)?{_QUICKLY}+(?:바[꾸꿔꾼꿈꿀꿉뀌]|변경|옮|갈아)", "event", "lane-change"),
        (r"(\d{2,3})(?:이|가|을|를)?(?:넘게|이상|이상으로|가까이|정도로|쯤으로|으로|로|은|는)(?:밟|달리|"
         r"달려|달린|달립|주행|질주|가는|"
         r"간다|감|갑|쏘|쏜|운전|유지)", "km/h"),
        (rf"{_TRAFFIC}(?:그냥|딱|대충|한)?(?:중간(?!쯤|에|즈음|무렵|지점|께|부|까지|경)|보통|적당|평균|"
         rf"무난|그럭저럭|어느정도|평범)(?:정도|수준|히있)?(?!속도|속력|으로|로|하게|한속|빠르|의)",
         "density", "moderate"),
        (r"(?:속도|속력)(?:는|도|가|은)?(?:그냥|딱|모두|다)?(?:보통|평범|중간|정상|무난|"
         r"적당)(?:정도)?", "speed", "normal"),
        (rf"{_TRAFFIC}{_VERY}+(?:많|붐비|붐벼|막히|막혀|밀리|밀려|몰리|몰려)", "density", "heavy"),
        (rf"{_TRAFFIC}{_VERY}+(?:적|드물|드문|뜸)", "density", "light"),
        (r"(?:도로에|길에|여기|주변에)?(?:우리|나|저희|자차|내차|우리차)(?:뿐|밖에(?:없|안)?|하나뿐|"
         r"혼자뿐)(?!만아니)", "density", "empty"),
        (r"시작(?:한지|하고|하고나서|후)?(?:얼마안[가-힣]|얼마지나지않아|얼마되지않아|금방|바로|곧)(?:서|"
         r"아서|어서)?|"
         r"출발(?:한지|하고)?(?:얼마안[가-힣]|얼마지나지않아|금방|바로|곧)(?:서|아서|"
         r"어서)?", "when", "early"),
        (r"끝나기(?:바로|직|조금|좀|얼마)?(?:전|직전)(?:에)?|끝(?:나갈|날)(?:때|무렵|즈음|쯤|녘)(?:쯤|에)?|"
         r"끝에가(?:서|서야)", "when", "late"),
    )
)
_SIDES = {"left": "왼쪽|좌측|왼편|왼", "right": "오른쪽|우측|오른편|오른"}
_LANE = r"(?:옆)?(?:차[로선])?"
_MOVED = (
    r"(?:차[로선]|진로)?(?:를|을)?(?:급하게|급히|갑자기|천천히|부드럽게|슬쩍|살짝|휙|확|바로|곧|한차로)?"
    r"(?:안|못|않)?(?:변경|바꾸|바꿔|바꿈|바꾼|바꿨|바꿀|바꿉|바뀌|옮|이동|빠지|빠진|빠져|빠짐|비키|비켜|"
    r"비킨|넘어가|넘어간|넘어감|넘어오|"
    r"넘어온|들어가|들어간|들어감|들어오|들어온|들어옴|들어와|갈아타|갈아탄|차[로선]변경|차[로선]를변경|"
    r"진입|전환|방향을바|피하|피해|피한|"
    r"틀|튼|간다|가요|감|갑니|가고|가면|간뒤|온다|와서|옴)"
)
_ENTERS = (rf"{_HERE}(?:으로|에|쪽으로|으로다가)(?:갑자기|급히|휙|확|쑥|쓱|슥|슬쩍|훅|획|불쑥|급하게|냅다|"
           rf"스윽|슬그머니|억지로|"
           r"무리하게|바로|차[로선](?:을|를)?)*(?:들어[가-힣]|넘어[오온와옴옵]|건너[오온와]|이동|옮|진입|"
           r"튀어[나들]|뛰어들|파고|끼|"
           r"변경|바꾸|바꿔|바꿈|바꾼|빠져들|밀고|나타나|쳐들어|붙어들|꺾어들|들이)")
_TURNED: Patterns = tuple(
    Pattern(re.compile(folded(pattern)), *rest)
    for value, side in _SIDES.items()
    for pattern, *rest in (
        (
            rf"(?:{side}){_LANE}(?:으로|로)(?:비켜|피해|슬쩍|휙|확|급히|급하게|갑자기|"
            rf"천천히)?(?:서)?{_MOVED}",
            "event",
            f"lane-{value}",
        ),
        (
            rf"(?:{side})(?:차[로선]|진로)(?:를|을)?(?:변경|바꾸|바꿔|바꿈|이동|진입)",
            "event",
            f"lane-{value}",
        ),
        (rf"(?:{side})(?:으로){_LANE}(?:변경|이동)", "event", f"lane-{value}"),
        (rf"(?:{side}){_LANE}(?:으로|로)(?=[,.; ]|$|뒤|앞|왼|오|우|\d)", "toward", f"lane-{value}"),
    )
)
WORDED = (Pattern(re.compile(folded(_ENTERS)), "event", "cut-in"), *_TURNED)
FILLERS = re.compile(
    r"^(장면|상황|시나리오|시험|테스트|케이스|조건|만들어|만들|보여|줘|주세요|주시|부탁|해줘|하나|있|같|"
    r"그냥|좀|거|것|수|때|등|정도|"
    r"도로|길|날씨|시간|교통|상태|쪽|곳|데|차로|차선|운전|주행|달리|달린|달려|가고|간다|가는|오고|온다|"
    r"오는|하고|하는|한다|합|됩|되|"
    r"하|해|함|했|이다|입니다|이고|인데|예요|이에요|에서|에는|으로|로|은|는|이|가|을|를|도|만|에|의|와|과|"
    r"랑|요|임|네|야|다|"
    r"뿐|그리고|정말|진짜|아주|너무|매우|절대|무렵|채|중|쯤|면|고|며|지만|자|게|니다|습|안녕|저기요|자$|"
    r"야$|오늘|지금|이번|배경|장소|"
    r"등장|배치|보인|보이|원|싶|생각|상상|우선|다만|단$|그게|이게|거야|건|걸|게요|라고|다고|고요|구요|네요|"
    r"까|나요|래|는데|은데)"
)


def read(text: str, share: Share) -> tuple[list[Token], list[str]]:
    """The tokens of a text, and its words of which no part is in any."""
    mended = _mended(text)
    spaced = " ".join(normal_ko(mended).split())
    letters, places = spaced.replace(" ", ""), _places(spaced)
    known, patterns = lexicon("ko", share), PATTERNS if share == "train" else (*PATTERNS, *WORDED)
    found: list[Token] = []
    taken = [False] * len(letters)
    place, unread = 0, ""
    while place < len(letters):
        step = _step(letters, spaced, places, place, known, patterns)
        if step is None:
            unread += letters[place]
            place += 1
            if place == len(letters) or _starts(spaced, places, place):
                _end_word(found, unread)
                unread = ""
            continue
        token, size = step
        if unread:
            _end_word(found, unread, cut=token.type in ("role", "ego", "kind", "someone", "nobody"))
            unread = ""
        found += _placed(token._replace(start=place, end=place + size, text=letters[place : place + size]))
        taken[place : place + size] = [True] * size
        place += size
    return _without_loose_not(found), _left(mended, taken)


def _placed(token: Token) -> list[Token]:
    """Right to the left: a distance and a place."""
    if token.type != "placed":
        return [token]
    distance, role = str(token.value).split("+")
    return [token._replace(type="distance", value=distance, end=token.start + 2),
            token._replace(type="role", value=role, start=token.start + 2, text=token.text[2:])]


def letters_of(text: str) -> str:
    """The letters of a text as tokens number them: slips put right, vowels folded, no spaces."""
    return "".join(normal_ko(_mended(text)).split())


def _without_loose_not(found: list[Token]) -> list[Token]:
    """안 and 못 deny the word behind them; before an unknown one they deny nothing here."""
    kept = []
    for place, token in enumerate(found):
        before = found[place - 1] if place else Token("sep")
        after = found[place + 1] if place + 1 < len(found) else Token("sep")
        if token.text in ("안", "못") and not (after.start == token.end and after.type in DENIABLE):
            continue
        if token.type == "no" and token.text.startswith("없이") and token.start - before.end > 2:
            continue  # 깜빡이도 없이
        if token.type == "not" and token.text.startswith("지") and token.start - before.end > 2:
            continue  # 반응하지 못해
        kept.append(token)
    return kept


def _mended(text: str) -> str:
    """With marks made alike and slips put right."""
    text = text.lower().replace("-", "")
    for pattern, right in (*MARKS, *SLIPS):
        text = pattern.sub(right, text)
    return text


def _end_word(found: list[Token], unread: str, cut: bool = True) -> None:
    """The particle or ending after the last token; joining endings end a clause: 앞차지 뒤차가 아니다."""
    if found and not found[-1].mark:
        found[-1] = found[-1]._replace(mark=unread)
    contrast = bool(found) and found[-1].type in ("role", "kind") and unread in ("지", "이지")
    if contrast or (cut and ENDINGS.search(unread)):
        found.append(Token("sep", JOIN))


def _places(spaced: str) -> list[int]:
    """Of each letter, its place in the spaced text."""
    return [place for place, letter in enumerate(spaced) if letter != " "]


def _starts(spaced: str, places: list[int], place: int) -> bool:
    """Whether a word begins at a letter."""
    return place == 0 or spaced[places[place] - 1] == " " or not spaced[places[place] - 1].isalnum()


def _step(
    letters: str, spaced: str, places: list[int], place: int, known: Lexicon, patterns: Patterns
) -> tuple[Token, int] | None:
    """The token at a place and how many letters it takes."""
    starts = _starts(spaced, places, place)
    longest = next(
        (
            size
            for size in range(min(LONGEST, len(letters) - place), 0, -1)
            if letters[place : place + size] in known and _fits(letters, spaced, places, place, size, starts)
        ),
        0,
    )
    number = numbered(letters[place:], patterns, NUMBERS)
    if number and number[0].type == "count" and letters[place] == "한" and not starts and place:
        number = None  # 얌전한데
    if (
        number
        and number[1] > longest
        and (
            starts
            or letters[place].isdigit()
            or number[0].type not in ("at_s", "distance", "lanes")
            or letters[place] in "편차"
        )
    ):
        return number
    return (known[letters[place : place + longest]], longest) if longest else None


def _fits(letters: str, spaced: str, places: list[int], place: int, size: int, starts: bool) -> bool:
    """Whether a phrase may stand here: single letters are words of their own, others may begin inside."""
    phrase = letters[place : place + size]
    after = place + size
    if not starts and phrase[0] in PARTICLES and size > 1 and places[place + 1] - places[place] > 1:
        return False  # 승용차가 속력을: not 가속
    if phrase[-1] == "차" and size > 1 and letters[after : after + 1] in ("로", "선"):
        return not _starts(spaced, places, after - 1)  # 트레일러 차로 변경
    if phrase in WHOLE:
        return after == len(letters) or _starts(spaced, places, after)
    if size > 1 and phrase.startswith(("나가", "나갈", "나간", "나갑")):
        return starts  # not 지나간다
    if size > 1 or not phrase.isalpha() or phrase in NEGATED:
        return True
    if not starts:
        return False
    if phrase in "안못차":
        return not (phrase == "차" and spaced[places[place] + 1 : places[place] + 2] in ("로", "선"))
    following = spaced[places[place] + 1 : places[place] + 2]
    return not following or following in ALONE


def _left(text: str, taken: list[bool]) -> list[str]:
    """Words that no token touches and that are no fillers."""
    words, place = [], 0
    for word in text.split():
        if not any(taken[place : place + len(word)]) and len(word) > 1 and not FILLERS.match(word):
            words.append(word.strip(".,!?;:"))
        place += len(word)
    return [word for word in words if word]


def adnominal(token: Token) -> bool:
    """Whether a Korean word describes the one that follows: 느린, 급정거하는, 10미터 거리의."""
    said = token.text + token.mark
    return bool(said) and (final(said) == 4 or said.endswith("의"))

