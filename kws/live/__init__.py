"""The live demo: a microphone, or anything that sounds like one."""
