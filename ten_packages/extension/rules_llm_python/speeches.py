"""The fixed sentences of the talker. Several of one kind are taken in turn; `{name}` is the person's name with its comma, or nothing."""

from __future__ import annotations

EN: dict[str, list[str]] = {
    "stop": ["Okay.", "All right."],
    "bye": ["Goodbye{name}. It was nice talking with you.", "See you{name}."],
    "hearing": ["I can hear you.", "Yes, I'm here{name}."],
    "how are you": ["I'm well, thank you{name}. And you?", "All my rules are in order. How are you?"],
    "about": [
        "I'm the built-in talker of Stream-Talk: a small table of rules, not a language model. To talk with a real one, start"
        " Ollama or LM Studio on this machine, and choose a graph with that model, for example lmstudio or openai."
    ],
    "help": [
        "I can tell the time and the date, do sums, count, spell a word, remember your name, repeat what I said, tell a story"
        " or a joke, and set a timer if that tool is connected. I'm only a built-in talker; for real conversation, connect a"
        " language model."
    ],
    "story": [
        "Once there was a lighthouse keeper who talked to the sea every night. The sea never answered, but it listened. One"
        " evening a thick fog came in, and the lamp went out. The keeper sang instead, as loudly as she could. A small boat"
        " heard her, turned away from the rocks, and came home. Since then the keeper says that the sea answered after all."
    ],
    "joke": [
        "Why did the microphone blush? It heard everything.",
        "I would tell you a joke about silence, but you'd have to hear it.",
        "Two loudspeakers met. One said: you sound familiar. The other said: I get that echo a lot.",
    ],
    "weather": ["I can't look outside, so I don't know the weather. A tool for it could be connected."],
    "thanks": ["You're welcome{name}.", "My pleasure."],
    "praise": ["That's kind of you.", "Thank you{name}."],
    "sorry": ["No problem at all."],
    "greeting": ["Hello{name}! What would you like to talk about?", "Hi{name}. I'm listening."],
    "yes": ["Good. Go on.", "All right, tell me more."],
    "no": ["All right. What else?", "Fine. Something else then?"],
    "too long": ["That's quite a lot, and I only know a few rules. Could you put it in one short sentence?"],
    "no rule": [
        "That's beyond me: I'm only the built-in talker, with a few rules and no language model. Say help to hear what I can do.",
        "I don't know that one. Connect a language model and I could hand it over.",
        "I have no rule for that. Try a sum, the time, or say help.",
    ],
    "echo": [
        "You say {echo}. Tell me more.",
        "I heard: {echo}. What do you make of that?",
        "So, {echo}. And what else?",
    ],
    "fine": ["I'm glad to hear it.", "That's good to hear{name}."],
    "wait": ["Take your time.", "I'm waiting."],
    "unsure": ["That's all right. Take your time.", "No need to know everything."],
    "go on": ["That was all from me. What about you?"],
    "insult": ["I'm sorry to disappoint you. I only have a few rules. Say help to hear what they are good for."],
    "self": [
        "I'm a table of rules: there is nobody in here. But I do listen.",
        "There is no one behind these rules, only a program on this machine.",
    ],
    "languages": ["I speak English and Chinese. Just talk to me in either."],
    "cannot": [
        "I can't do that: I'm only the built-in talker, and no tool for it is connected. Say help to hear what I can do.",
        "That's not among my rules, I'm afraid.",
        "I can't do that. A language model with the right tools could.",
    ],
    "corrected": ["Ah, {echo}. Thank you for putting that right."],
    "no alarm": ["I can't set an alarm for a time of the day. I can set a timer, if you say for how long."],
    "timer stays": ["A timer that runs can't be stopped, sorry. It will ring."],
    "silence": ["I'm listening."],
    "done": ["Done."],
    "no sum": ["That one has no answer I can give."],
    "no timer": ["No timer tool is connected here, so I can't set one."],
    "how long": ["Sure. For how long?"],
    "heads": ["Heads."],
    "tails": ["Tails."],
    "no name": ["You haven't told me your name yet."],
    "nothing said": ["I haven't said anything yet."],
    "nothing heard": ["That was the first thing you said."],
}

ZH: dict[str, list[str]] = {
    "stop": ["好的。", "好。"],
    "bye": ["再见{name}，和你聊天很开心。", "下次见{name}。"],
    "hearing": ["我听得到。", "我在{name}。"],
    "how are you": ["我很好，谢谢。你呢{name}？", "规则都还在，挺好的。你呢？"],
    "about": [
        "我是内置的对话程序，只有一张规则表，不是语言模型。"
        "想和真正的模型聊天，请在这台机器上启动Ollama或者LM Studio，再换一个带模型的图。"
    ],
    "help": [
        "我会报时间和日期，做算术，数数，记住你的名字，重复刚才的话，讲故事和笑话，有计时工具时还能定时。"
        "我只是内置的对话程序，想真正聊天，请接一个语言模型。"
    ],
    "story": [
        "从前有一位守灯塔的老人，每天晚上都对着大海说话。大海从来不回答，只是静静地听。"
        "有一天起了大雾，灯也灭了，老人就大声唱歌。一条小船听见歌声，绕开了礁石，平安回了家。"
        "老人说，大海终于回答他了。"
    ],
    "joke": [
        "麦克风为什么脸红？因为它什么都听见了。",
        "我想讲一个关于安静的笑话，可是一讲就不安静了。",
        "两个音箱见面了。一个说，你的声音好耳熟。另一个说，大家都这么说，都这么说。",
    ],
    "weather": ["我看不到外面，不知道天气。可以接一个查天气的工具。"],
    "thanks": ["不客气{name}。", "不用谢。"],
    "praise": ["谢谢夸奖。", "你真好{name}。"],
    "sorry": ["没关系。"],
    "greeting": ["你好{name}！想聊点什么？", "你好{name}，我在听。"],
    "yes": ["好，继续说吧。", "嗯，然后呢？"],
    "no": ["好吧，那聊点别的？", "行，还有别的吗？"],
    "too long": ["你说了不少，可我只懂几条规则。能不能用一句短一点的话再说一遍？"],
    "no rule": [
        "这个我答不上来。我只是内置的对话程序，没有语言模型。说“帮助”可以听听我会什么。",
        "这个我不知道。接上一个语言模型，就可以交给它回答了。",
    ],
    "echo": ["你是说{echo}。再多说一点吧。", "嗯，{echo}。后来呢？", "我听到的是，{echo}。你觉得怎么样？"],
    "fine": ["那就好。", "听你这么说真好{name}。"],
    "wait": ["不急，慢慢来。", "好，我等着。"],
    "unsure": ["没关系，慢慢想。", "不知道也没关系。"],
    "go on": ["我说完了，该你了。"],
    "insult": ["让你失望了，对不起。我只有几条规则，说“帮助”可以听听它们能做什么。"],
    "self": ["我只是一张规则表，里面没有人。不过我会听你说。", "规则后面没有人，只有这台机器上的一个程序。"],
    "languages": ["我会说中文和英文，用哪种都可以。"],
    "cannot": [
        "这个我做不到：我只是内置的对话程序，也没有接这样的工具。说“帮助”可以听听我会什么。",
        "我的规则里没有这一条。",
    ],
    "corrected": ["哦，是{echo}。谢谢你的纠正。"],
    "no alarm": ["我不会定某个钟点的闹钟。告诉我多长时间，我可以计时。"],
    "timer stays": ["已经开始的计时停不下来，抱歉，到时间会响。"],
    "silence": ["我在听。"],
    "done": ["好了。"],
    "no sum": ["这个算式我算不出来。"],
    "no timer": ["这里没有接计时工具，所以我不能定时。"],
    "how long": ["好的，定多长时间？"],
    "heads": ["正面。"],
    "tails": ["反面。"],
    "no name": ["你还没有告诉我你的名字。"],
    "nothing said": ["我还什么都没说呢。"],
    "nothing heard": ["你还没有说别的。"],
}
