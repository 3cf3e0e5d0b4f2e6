/* Whether all went well. */
static int selftest(void)
{
    const kws_selftest test = kws_selftest_run();
    const int passed = kws_selftest_passed(&test);
    if (test.code < 0) {
        print("selftest: %s: FAIL\n", kws_error_name(test.code));
    } else {
        print("selftest: %lu of %lu frames, %lu differences: %s\n", (unsigned long)test.frames,
              (unsigned long)KWS_VECTORS_FRAMES, (unsigned long)test.differences, passed ? "PASS" : "FAIL");
    }
    return passed;
}
