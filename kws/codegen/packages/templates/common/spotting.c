static kws_word memory[KWS_MODEL_SPOTTER_WORDS]; /* all the RAM that the library uses */
static kws_spotter *spotter;

static void print_quoted(const char *text)
{
    print("\"");
    for (; *text != '\0'; text++) {
        print(*text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    }
    print("\"");
}

/* A detection as a line of JSON, which `kws monitor` reads; t is the time of the newest sample heard. */
static void report(const kws_result *result)
{
    const uint64_t samples = (uint64_t)result->frame * KWS_MODEL_HOP + KWS_MODEL_WINDOW;
    const uint32_t full = KWS_MODEL_FULL_SCORE;
    const uint32_t hundredths = (result->score * 200u + full) / (2u * full);
    print("{\"t\":%lu.%02lu,\"word\":", (unsigned long)(samples / KWS_SAMPLE_RATE),
          (unsigned long)(samples % KWS_SAMPLE_RATE * 100u / KWS_SAMPLE_RATE));
    print_quoted(kws_label(spotter, result->label));
    print(",\"score\":%lu.%02lu}\n", (unsigned long)(hundredths / 100u), (unsigned long)(hundredths % 100u));
@% if on_detection is defined %@
    @{ on_detection }@
@% endif %@
}

/* Feed samples, as many as there are, and report each word as it is detected. */
static void hear(const int16_t *pcm, size_t count)
{
    while (count > 0) {
        kws_result result;
        const int32_t used = kws_spotter_process(spotter, pcm, count, &result);
        if (used < 0) {
            print("{\"error\":\"%s\"}\n", kws_error_name(used));
            return;
        }
        pcm += used;
        count -= (size_t)used;
        if (result.label >= 0) {
            report(&result);
        }
    }
}
