"""Words of captions: the text of every symbol in English and in Korean, in one order of symbols for both.

A text begins with whatever stands between it and what comes before, so that a caption is its texts joined.
"""

from __future__ import annotations

from drive_gen.language.facts import MOST_COUNT, MOST_LANES

Symbol = tuple[str, str]  # its kind, its value: ("road", "merge")
END: Symbol = ("end", "")
LANGUAGE_TOKENS = {"en": "[EN]", "ko": "[KO]"}  # what a decoder begins with

EN = {
    "road": {"highway": "A highway", "merge": "A merge", "roundabout": "A roundabout",
             "intersection": "An intersection", "exit": "An exit", "two-way": "A two-way road",
             "u-turn": "A U-turn", "racetrack": "A racetrack"},
    "lanes": {"1": ", 1 lane", **{str(count): f", {count} lanes" for count in range(2, MOST_LANES + 1)}},
    "density": {"empty": ", empty", "light": ", light traffic", "moderate": ", moderate traffic",
                "heavy": ", heavy traffic"},
    "place": {"ego": ". Ours:", "lead": ". Ahead:", "follower": ". Behind:", "left": ". Left:",
              "right": ". Right:"},
    "kind": {"car": " a car", "truck": " a truck", "nobody": " nobody"},
    "speed": {"stopped": ", standing", "slow": ", slow", "normal": ", at normal speed", "fast": ", fast"},
    "distance": {"beside": ", beside us", "near": ", near", "middle": ", at a middling distance",
                 "far": ", far away"},
    "group": {"cars": ". Other cars:", "trucks": ". Other trucks:", "no trucks": ". No trucks"},
    "count": {str(count): f" {count}" for count in range(1, MOST_COUNT + 1)},
    "abreast": {"": ", two abreast"},
    "phase": {"early": ". Early,", "mid": ". Halfway,", "late": ". Late,"},
    "who": {"ego": " our car", "lead": " the one ahead", "follower": " the one behind",
            "left": " the one on the left", "right": " the one on the right", "cars": " another car",
            "trucks": " another truck"},
    "what": {"brake": " brakes hard", "cut-in": " cuts in", "lane-left": " changes to the left lane",
             "lane-right": " changes to the right lane", "stop": " comes to a stop",
             "accelerate": " accelerates", "crash": " crashes", "merge": " merges"},
    "by": {"ego": " because our car", "lead": " because the one ahead", "follower": " because the one behind",
           "left": " because the one on the left", "right": " because the one on the right",
           "cars": " because another car", "trucks": " because another truck"},
    "did": {"brake": " braked hard", "cut-in": " cut in", "lane-left": " changed to the left lane",
            "lane-right": " changed to the right lane", "stop": " came to a stop",
            "accelerate": " accelerated", "crash": " crashed"},
    "nobody": {"brake": ". Nobody brakes hard", "cut-in": ". Nobody cuts in",
               "lane-change": ". Nobody changes lanes", "crash": ". Nobody crashes"},
    "end": {"": "."},
}

KO = {
    "road": {"highway": "고속도로", "merge": "합류 구간", "roundabout": "회전교차로",
             "intersection": "교차로", "exit": "고속도로 출구", "two-way": "왕복 도로", "u-turn": "유턴 구간",
             "racetrack": "경주 트랙"},
    "lanes": {str(count): f", 편도 {count}차로" for count in range(1, MOST_LANES + 1)},
    "density": {"empty": ", 텅 빔", "light": ", 한산함", "moderate": ", 교통량 보통", "heavy": ", 붐빔"},
    "place": {"ego": ". 우리 차:", "lead": ". 앞:", "follower": ". 뒤:", "left": ". 왼쪽:",
              "right": ". 오른쪽:"},
    "kind": {"car": " 승용차", "truck": " 트럭", "nobody": " 없음"},
    "speed": {"stopped": ", 멈춰 있음", "slow": ", 느림", "normal": ", 보통 속도", "fast": ", 빠름"},
    "distance": {"beside": ", 바로 옆", "near": ", 가까움", "middle": ", 적당한 거리", "far": ", 멂"},
    "group": {"cars": ". 다른 승용차:", "trucks": ". 다른 트럭:", "no trucks": ". 트럭 없음"},
    "count": {str(count): f" {count}대" for count in range(1, MOST_COUNT + 1)},
    "abreast": {"": ", 두 대는 나란히"},
    "phase": {"early": ". 초반에", "mid": ". 중간에", "late": ". 막판에"},
    "who": {"ego": " 우리 차가", "lead": " 앞차가", "follower": " 뒤차가", "left": " 왼쪽 차가",
            "right": " 오른쪽 차가", "cars": " 다른 승용차가", "trucks": " 다른 트럭이"},
    "what": {"brake": " 급제동한다", "cut-in": " 끼어든다", "lane-left": " 왼쪽으로 차로를 바꾼다",
             "lane-right": " 오른쪽으로 차로를 바꾼다", "stop": " 멈춰 선다", "accelerate": " 가속한다",
             "crash": " 충돌한다", "merge": " 합류한다"},
    "by": {"ego": ", 우리 차가", "lead": ", 앞차가", "follower": ", 뒤차가", "left": ", 왼쪽 차가",
           "right": ", 오른쪽 차가", "cars": ", 다른 승용차가", "trucks": ", 다른 트럭이"},
    "did": {"brake": " 급제동했기 때문", "cut-in": " 끼어들었기 때문",
            "lane-left": " 왼쪽으로 차로를 바꿨기 때문",
            "lane-right": " 오른쪽으로 차로를 바꿨기 때문", "stop": " 멈춰 섰기 때문",
            "accelerate": " 가속했기 때문", "crash": " 충돌했기 때문"},
    "nobody": {"brake": ". 아무도 급제동하지 않는다", "cut-in": ". 아무도 끼어들지 않는다",
               "lane-change": ". 아무도 차로를 바꾸지 않는다", "crash": ". 아무도 충돌하지 않는다"},
    "end": {"": "."},
}

WORDS: dict[str, dict[Symbol, str]] = {
    language: {(kind, value): text for kind, values in words.items() for value, text in values.items()}
    for language, words in (("en", EN), ("ko", KO))}
SYMBOLS = tuple(WORDS["en"])
