"""The talker's whole knowledge: one table, read from the top; the first rule that answers wins.

Patterns are searched in what `conversation.normalise` leaves: lower case, without commas and question marks. A rule without a
function says the sentences of its own name in `speeches`.
"""

from __future__ import annotations

from . import answers, moments, timer
from .conversation import Conversation
from .follow_up import follow_up
from .reflection import reflect
from .rule import Answer, Rule, speech


def answer(conversation: Conversation) -> Answer:
    """What to say, or which tool to use. Never empty."""
    if conversation.tool_output is not None:
        return conversation.tool_output.strip() or speech(conversation, "done")
    if not conversation.words:
        return speech(conversation, "silence")
    return by_rule(conversation) or follow_up(conversation, by_rule) or reflect(conversation)


def by_rule(conversation: Conversation) -> Answer | None:
    found = (rule.try_on(conversation) for rule in RULES)
    return next((words for words in found if words is not None), None)


RULES = [
    Rule(
        "stop",
        r"^(?:please )?(?:stop|stop it|stop talking|be quiet|quiet|shut up|silence|hush|never ?mind|that's enough)"
        r"(?: please| now)*$",
        "^(?:停|停下|停一下|停止|别说了|不要说了|闭嘴|安静|够了|算了)[吧了啊]*$",
    ),
    Rule(
        "bye",
        r"\b(?:bye|goodbye|good bye|see you|farewell|good night)\b",
        "再见|拜拜|回头见|晚安|下次见",
    ),
    Rule(
        "repeat",
        r"\b(?:repeat (?:that|it)|(?:can|could) you repeat|say (?:that|it) (?:again|once more|one more time)|what did you (?:just )?say"
        r"|pardon|come again|once more|i (?:didn't|did not|couldn't|can't) (?:hear|catch|get|understand) (?:that|you|it))\b"
        r"|^(?:sorry )?i (?:don't|didn't) understand$"
        r"|^(?:sorry |excuse me )?(?:what|huh|again|repeat)(?: please)?$",
        "再说一[遍次]|重复一[遍下]|你刚才说(?:了)?什么|你说什么|没听清|没听见|^什么$",
        answers.repeat,
    ),
    Rule("what I said", r"\bwhat did i (?:just )?say\b", "我刚才说(?:了)?什么", answers.what_i_said),
    Rule(
        "timer",
        r"\b(?:timers?|countdown|alarm|remind me (?:in|at)|wake me)\b",
        "定时|计时|闹钟|提醒我",
        timer.timer_answer,
    ),
    Rule(
        "my name",
        r"\b(?:what(?:'s| is| was) my name|who am i|(?:know|remember) my name)\b",
        "我叫什么|我是谁|我的名字是什么|记得我的名字",
        answers.my_name,
    ),
    Rule("introduction", r"\b(?:my name|i am called|call me)\b", "我叫|我的名字|叫我", answers.nice_to_meet),
    Rule("sum", ".", ".", answers.do_sum),
    Rule(
        "is it",
        r"^(?:is it|is today|isn't it|isn't today) (monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b",
        "^今天是?(?:星期|礼拜|周)([一二三四五六日天])[吗吧]?$",
        moments.is_it_answer,
    ),
    Rule(
        "month",
        r"\b(?:what|which)(?:'s| is)? (?:the |the current |current )?(?:year|month)\b(?: is it| is this| now|$)",
        "今年是?(?:哪一?年|几几年|多少年)|现在是哪一?年",
        moments.month_answer,
    ),
    Rule(
        "date",
        r"\b(?:what(?:'s| is)? (?:the )?(?:date|day)|(?:today's|the) date|which day"
        r"|(?:day|date) (?:is it|is today|today|of the week))\b",
        "几号|几月|星期几|礼拜几|周几|日期|哪一天",
        moments.date_answer,
    ),
    Rule(
        "time",
        r"\b(?:what time(?! (?:is|are|was|does|do|did|will|can|should) (?!it\b))|time is it|time it is)\b"
        r"|(?<!all )\bthe (?:current |exact )?time\b(?! (?:i|we|you|he|she|they|when|that|of)\b)|^time please$",
        "几点|什么时间|什么时候了|时间",
        moments.time_answer,
    ),
    Rule(
        "count",
        r"\bcount (?:from one )?(?:up )?to ([a-z0-9 -]+)$",
        r"数到(\d+|[零一二两三四五六七八九十百]+)",
        answers.count,
    ),
    Rule("spell", r"\bspell (?:the word )?([a-z]+)$", "", answers.spell),
    Rule(
        "say",
        r"^(?:please )?(?:say|repeat after me)[: ]+(.+)$",
        "^(?:请)?跟我(?:说|念)[: ]*(.+)$",
        answers.say_after_me,
    ),
    Rule("coin", r"\b(?:flip|toss) a coin\b|\bheads or tails\b", "[抛掷扔]硬币", answers.flip_coin),
    Rule(
        "hearing",
        r"\b(?:can|do|did) you hear me\b|\bare you (?:there|listening|awake)\b|^(?:testing|test|mic check)\b",
        "听得到|听得见|听见我|在吗|^喂|测试",
    ),
    Rule(
        "how are you",
        r"^(?:and|what about|how about) you(?:rself)?$|\bhow(?:'s it going| are you| do you do| are things)\b|\bwhat's up\b",
        "你好吗|最近怎么样|过得怎么样|还好吗",
    ),
    Rule(
        "about",
        r"\b(?:who|what) are you\b|\byour name\b|\bwhat model\b"
        r"|\bare you (?:a |an )?(?:robot|human|machine|bot|computer|model|language|real|person|chat ?gpt|siri|alexa|ai)"
        r"|\b(?:connect|use|get) (?:a |an )?(?:real|language|better|other)?\s?model\b",
        "你是谁|你叫什么|你是什么|什么模型|机器人吗|真人|接.*模型|语言模型",
    ),
    Rule(
        "help",
        r"^help\b|\b(?:help me|what (?:can you|you can) do|what do you know|what can i (?:say|ask)|your (?:skills|abilities))\b",
        "帮助|帮我|你会什么|你能做什么|你会做什么|能干什么|怎么用",
    ),
    Rule("story", r"\bstory\b", "故事"),
    Rule("joke", r"\bjoke\b|\bmake me laugh\b|\bsomething funny\b", "笑话|逗我"),
    Rule("weather", r"\bweather\b|\b(?:rain|snow|sunny) (?:today|tomorrow)\b", "天气|下雨|下雪"),
    Rule(
        "fine",
        r"^(?:i'm|i am|doing|all) (?:very |pretty |quite |just )?(?:fine|good|well|great|okay|ok|all right)\b(?: thanks| thank you| too|$)"
        r"|^(?:not bad|very well|fine)(?: thanks| thank you|$)",
        "^(?:我)?(?:很好|挺好|还不错|还行|不错)",
    ),
    Rule(
        "insult",
        r"\b(?:you(?:'re| are) (?:so |really |very |such an? )?(?:stupid|dumb|useless|bad|boring|annoying|wrong|idiot)"
        r"|that(?:'s| is|'s not| is not) (?:wrong|right|correct|true))\b(?!\?)",
        "你(?:真|太|很|好)?(?:笨|傻|蠢|没用|无聊|烦)|你错了|不对吧|你说错了",
    ),
    Rule(
        "wait",
        r"^(?:please )?(?:wait|hold on|hang on|one (?:moment|second)|just a (?:moment|second)|let me think)\b",
        "^(?:等一?下|等等|稍等|让我想想)",
    ),
    Rule("go on", r"^(?:go on|continue|and then|keep going)$", "^(?:继续|然后呢|接着说)[说吧]*$"),
    Rule(
        "unsure",
        r"^(?:i don't know|i do not know|i have no idea|no idea|not sure|i'm not sure|maybe|perhaps|i think so|i guess(?: so)?)$",
        "^(?:我)?(?:不知道|不清楚|不确定|也许|可能|大概)[吧了]?$",
    ),
    Rule(
        "languages",
        r"\b(?:do|can) you (?:speak|understand|talk) (?:english|chinese|mandarin|[a-z]+(?:ish|ese|ian|man|ench))\b|^speak [a-z]+$",
        "你?会(?:说|讲)(?:中文|英文|英语|汉语|普通话|.语|.文)",
    ),
    Rule(
        "self",
        r"\b(?:do|can|did|are|were|have) you (?:love|like|feel|think|sleep|eat|dream|want|alive|happy|sad|tired|real|married|ever)\b"
        r"|\bhow old are you\b|\bwhere (?:are|do) you(?: live| come| from|$)",
        "你(?:爱|喜欢)我|你多大|你几岁|你住在?哪|你在哪|你有感觉|你开心吗|你累吗",
    ),
    Rule("thanks", r"\bthank(?:s| you)\b", "谢谢|多谢|感谢"),
    Rule(
        "praise",
        r"\b(?:good job|well done|you're (?:great|good|nice|funny|clever|smart)|i (?:love|like) you)\b",
        "真棒|真聪明|厉害|喜欢你|爱你",
    ),
    Rule("sorry", r"\b(?:sorry|excuse me)\b", "对不起|抱歉|不好意思"),
    Rule(
        "greeting",
        r"^(?:hello|hi|hey|hiya|greetings|good (?:morning|afternoon|evening)|welcome)\b",
        "^(?:你好|您好|嗨|哈喽|早上好|上午好|下午好|晚上好|早安|大家好)",
    ),
    Rule(
        "yes",
        r"^(?:yes|yeah|yep|sure|okay|ok|right|of course|exactly|cool|great|nice|good|wow|really|interesting|i see|got it|makes sense)$",
        "^(?:是|是的|对|好|好的|嗯|当然|没错)[啊呀吧]*$",
    ),
    Rule("no", r"^(?:no|nope|nah|not really|no thanks)$", "^(?:不|不是|没有|不用|不要|不对)[了啊呀]*$"),
]
