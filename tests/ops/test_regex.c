/* SPDX-License-Identifier: Apache-2.0
 * Regular expressions: what TensorFlow's RE2 makes of a text with each pattern, what it refuses,
 * and that time and memory stay within bounds for patterns that are made to hurt. */
#include "ops/ops_test.h"
#include "tensor/array.h"

/* All matches replaced, the first one, and whether the whole text is one. */
typedef struct row {
    const char *pattern, *rewrite, *text, *all, *first;
    bool whole;
} row;

/* Where there are groups, the rewrite shows the first two. */
static const row rows[] = {
    {"a", "<\\0>", "foo Bar food", "foo B<a>r food", "foo B<a>r food", false},
    {"a*", "<\\0>", "foo Bar food", "<>f<>o<>o<> <>B<a>r<> <>f<>o<>o<>d<>", "<>foo Bar food",
     false},
    {"a+?b", "<\\0>", "abcd", "<ab>cd", "<ab>cd", false},
    {"(a|b)*c", "[\\1|\\2]", "a\nb\nc", "a\nb\n[|]", "a\nb\n[|]", false},
    {"(a*)(b*)", "[\\1|\\2]", "foo Bar food", "[|]f[|]o[|]o[|] [|]B[a|]r[|] [|]f[|]o[|]o[|]d[|]",
     "[|]foo Bar food", false},
    {"(a|ab)(c|bcd)(d*)", "[\\1|\\2]", "", "", "", false},
    {"[a-c]+", "<\\0>", "foo Bar food", "foo B<a>r food", "foo B<a>r food", false},
    {"[^a-c]+", "<\\0>", "foo Bar food", "<foo B>a<r food>", "<foo B>ar food", false},
    {"[]a]+", "<\\0>", "foo Bar food", "foo B<a>r food", "foo B<a>r food", false},
    {"[^]a]", "<\\0>", "foo Bar food", "<f><o><o>< ><B>a<r>< ><f><o><o><d>", "<f>oo Bar food",
     false},
    {"[a\\-z]", "<\\0>", "FOO_A.z-", "FOO_A.<z><->", "FOO_A.<z>-", false},
    {"[\\d_]+", "<\\0>", "12 345 6", "<12> <345> <6>", "<12> 345 6", false},
    {"\\d{2}", "<\\0>", "12 345 6", "<12> <34>5 6", "<12> 345 6", false},
    {"\\d{2,}", "<\\0>", "12 345 6", "<12> <345> 6", "<12> 345 6", false},
    {"\\d{1,3}?", "<\\0>", "12 345 6", "<1><2> <3><4><5> <6>", "<1>2 345 6", false},
    {"a{0}", "<\\0>", "foo Bar food", "<>f<>o<>o<> <>B<>a<>r<> <>f<>o<>o<>d<>", "<>foo Bar food",
     false},
    {"a{2}b", "<\\0>", "", "", "", false},
    {"a{,2}", "<\\0>", "", "", "", false},
    {"^a", "<\\0>", "a\nb\nc", "<a>\nb\nc", "<a>\nb\nc", false},
    {"a$", "<\\0>", "aaaa", "aaa<a>", "aaa<a>", false},
    {"^$", "<\\0>", "a", "a", "a", false},
    {"\\bfoo\\b", "<\\0>", "foo Bar food", "<foo> Bar food", "<foo> Bar food", false},
    {"\\Boo", "<\\0>", "foo Bar food", "f<oo> Bar f<oo>d", "f<oo> Bar food", false},
    {"\\w+", "<\\0>", "foo Bar food", "<foo> <Bar> <food>", "<foo> Bar food", false},
    {"\\W+", "<\\0>", "foo Bar food", "foo< >Bar< >food", "foo< >Bar food", false},
    {"\\s", "<\\0>", "foo Bar food", "foo< >Bar< >food", "foo< >Bar food", false},
    {"\\S+", "<\\0>", "foo Bar food", "<foo> <Bar> <food>", "<foo> Bar food", false},
    {"(?i)FOO", "[\\1|\\2]", "foo Bar food", "[|] Bar [|]d", "[|] Bar food", false},
    {"(?i:Fo)o", "[\\1|\\2]", "foo Bar food", "[|] Bar [|]d", "[|] Bar food", false},
    {"(?s).*", "[\\1|\\2]", "\377 a \303", "[|]\377[|]\303[|]", "[|]\377 a \303", false},
    {".", "<\\0>", "foo Bar food", "<f><o><o>< ><B><a><r>< ><f><o><o><d>", "<f>oo Bar food", false},
    {"(?m)^.", "[\\1|\\2]", "foo Bar food", "[|]oo Bar food", "[|]oo Bar food", false},
    {"(?P<x>a)(?P<y>b)", "[\\1|\\2]", "abcd", "[a|b]cd", "[a|b]cd", false},
    {"(?:a)(b)", "[\\1|\\2]", "abcd", "[b|]cd", "[b|]cd", false},
    {"a|b|c", "<\\0>", "foo Bar food", "foo B<a>r food", "foo B<a>r food", false},
    {"|a", "<\\0>", "foo Bar food", "<>f<>o<>o<> <>B<>a<>r<> <>f<>o<>o<>d<>", "<>foo Bar food",
     false},
    {"a|", "<\\0>", "foo Bar food", "<>f<>o<>o<> <>B<a>r<> <>f<>o<>o<>d<>", "<>foo Bar food",
     false},
    {"()", "[\\1|\\2]", "foo Bar food", "[|]f[|]o[|]o[|] [|]B[|]a[|]r[|] [|]f[|]o[|]o[|]d[|]",
     "[|]foo Bar food", false},
    {"\\x41", "<\\0>", "FOO_A.z-", "FOO_<A>.z-", "FOO_<A>.z-", false},
    {"\\x{e9}", "<\\0>", "\303\251 \303\274", "<\303\251> \303\274", "<\303\251> \303\274", false},
    {"\303\251", "<\\0>", "\303\251 \303\274", "<\303\251> \303\274", "<\303\251> \303\274", false},
    {"[\303\251-\303\274]", "<\\0>", "\303\251 \303\274", "<\303\251> <\303\274>",
     "<\303\251> \303\274", false},
    {"\\.", "<\\0>", "FOO_A.z-", "FOO_A<.>z-", "FOO_A<.>z-", false},
    {"\\n", "<\\0>", "a\nb\nc", "a<\n>b<\n>c", "a<\n>b\nc", false},
    {"\\t", "<\\0>", "", "", "", false},
    {"a.c", "<\\0>", "abcd", "<abc>d", "<abc>d", false},
    {"(a)|(b)", "[\\1|\\2]", "foo Bar food", "foo B[a|]r food", "foo B[a|]r food", false},
    {"((a)(b(c)?))", "[\\1|\\2]", "abcd", "[abc|a]d", "[abc|a]d", false},
    {"[[:alpha:]]+", "<\\0>", "foo Bar food", "<foo> <Bar> <food>", "<foo> Bar food", false},
    {"[[:^alpha:]]", "<\\0>", "foo Bar food", "foo< >Bar< >food", "foo< >Bar food", false},
    {"\\Q.\\E", "<\\0>", "FOO_A.z-", "FOO_A<.>z-", "FOO_A<.>z-", false},
    {"(?i)[a-c]x", "[\\1|\\2]", "xaxbx", "x[|][|]", "x[|]bx", false},
    {"\\A.", "<\\0>", "foo Bar food", "<f>oo Bar food", "<f>oo Bar food", false},
    {".\\z", "<\\0>", "foo Bar food", "foo Bar foo<d>", "foo Bar foo<d>", false},
    {"(a?)*b", "[\\1|\\2]", "a\nb\nc", "a\n[|]\nc", "a\n[|]\nc", false},
    {"(a?)+", "[\\1|\\2]", "foo Bar food", "[|]f[|]o[|]o[|] [|]B[a|]r[|] [|]f[|]o[|]o[|]d[|]",
     "[|]foo Bar food", false},
    {"(|a)*", "[\\1|\\2]", "foo Bar food", "[|]f[|]o[|]o[|] [|]B[a|]r[|] [|]f[|]o[|]o[|]d[|]",
     "[|]foo Bar food", false},
    {"(|a)+", "[\\1|\\2]", "foo Bar food", "[|]f[|]o[|]o[|] [|]B[|]a[|]r[|] [|]f[|]o[|]o[|]d[|]",
     "[|]foo Bar food", false},
    {"a*?", "<\\0>", "foo Bar food", "<>f<>o<>o<> <>B<>a<>r<> <>f<>o<>o<>d<>", "<>foo Bar food",
     false},
    {"(aa|a)(a|aa)", "[\\1|\\2]", "aab", "[a|a]b", "[a|a]b", false},
    {"[a-]", "<\\0>", "foo Bar food", "foo B<a>r food", "foo B<a>r food", false},
    {"[-a]", "<\\0>", "foo Bar food", "foo B<a>r food", "foo B<a>r food", false},
    {"x*", "<\\0>", "foo Bar food", "<>f<>o<>o<> <>B<>a<>r<> <>f<>o<>o<>d<>", "<>foo Bar food",
     false},
    {"(x*)*", "[\\1|\\2]", "foo Bar food", "[|]f[|]o[|]o[|] [|]B[|]a[|]r[|] [|]f[|]o[|]o[|]d[|]",
     "[|]foo Bar food", false},
    {"\\101", "<\\0>", "FOO_A.z-", "FOO_<A>.z-", "FOO_<A>.z-", false},
    {"\\0", "<\\0>", "", "", "", false},
    {"[\\x00-\\x7f]+", "<\\0>", "\303\251 \303\274", "\303\251< >\303\274", "\303\251< >\303\274",
     false},
    {"(?i)\303\251", "[\\1|\\2]", "\303\251 \303\274", "[|] \303\274", "[|] \303\274", false},
    {"(?-s).", "[\\1|\\2]", "foo Bar food", "[|][|][|][|][|][|][|][|][|][|][|][|]",
     "[|]oo Bar food", false},
    {"(?U)a+", "[\\1|\\2]", "foo Bar food", "foo B[|]r food", "foo B[|]r food", false},
    {"{", "<\\0>", "{a{x}", "<{>a<{>x}", "<{>a{x}", false},
    {"a{", "<\\0>", "{a{x}", "{<a{>x}", "{<a{>x}", false},
    {"a{x}", "<\\0>", "{a{x}", "{<a{x}>", "{<a{x}>", false},
    {"}", "<\\0>", "{a{x}", "{a{x<}>", "{a{x<}>", false},
    {"]", "<\\0>", "]a[", "<]>a[", "<]>a[", false},
};

static tw_array *text_of(const char *s)
{
    tw_array *array = tw_array_new(TW_STRING, TW_SHAPE());
    assert_non_null(array);
    assert_null(tw_string_set(array->data, s, strlen(s)));
    return array;
}

static op_call call(const char *type, const char *text, const char *pattern, const char *rewrite)
{
    op_call k = {.type = type, .input_count = rewrite ? 3 : 2};
    k.inputs[0] = text_of(text);
    k.inputs[1] = text_of(pattern);
    if (rewrite)
        k.inputs[2] = text_of(rewrite);
    return k;
}

static void check_replaced(const row *r, bool all)
{
    op_call k = call("RegexReplace", r->text, r->pattern, r->rewrite);
    size_t length;
    const char *want = all ? r->all : r->first;
    k.attrs[k.attr_count++] = bool_attr("replace_global", all);
    call_run(&k);
    assert_null(k.status);
    const char *got = tw_string_get(k.outputs[0]->data, &length);
    if (length != strlen(want) || memcmp(got, want, length) != 0)
        fail_msg("/%s/ makes '%.*s' of '%s', not '%s'", r->pattern, (int)length, got, r->text,
                 want);
    call_end(&k);
}

static void texts_become_what_re2_makes_of_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        check_replaced(&rows[i], true);
        check_replaced(&rows[i], false);
    }
}

static void whole_texts_match_as_in_re2(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        op_call k = call("RegexFullMatch", rows[i].text, rows[i].pattern, NULL);
        call_run(&k);
        assert_null(k.status);
        if (*(const bool *)k.outputs[0]->data != rows[i].whole)
            fail_msg("/%s/ and '%s'", rows[i].pattern, rows[i].text);
        call_end(&k);
    }
}

static void what_is_no_pattern_is_refused(void **state)
{
    static const char *const bad[] = {"x{1001}", "(",           ")",         "[",      "[z-a]",
                                      "*a",      "a**",         "a++",       "(?=a)",  "\\1",
                                      "a\\",     "\\pL",        "[[:foo:]]", "a{3,2}", "(?P<a",
                                      "(?z)",    "\\x{110000}", "\\xg",      "\xff"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        op_call k = call("RegexFullMatch", "a", bad[i], NULL);
        call_run(&k);
        if (!k.status || tw_status_code(k.status) != TW_INVALID_ARGUMENT ||
            !strstr(tw_status_message(k.status), "Invalid pattern"))
            fail_msg("/%s/: %s", bad[i], k.status ? tw_status_message(k.status) : "taken");
        call_end(&k);
    }
}

/* Backtracking would take 2^60 steps; a program of a billion instructions would take all memory. */
static void patterns_that_are_made_to_hurt_are_harmless(void **state)
{
    char text[61], deep[1001];
    (void)state;
    memset(text, 'a', 60);
    text[60] = 0;
    memset(deep, '(', 1000);
    deep[1000] = 0;
    op_call k = call("RegexFullMatch", text, "(a*)*(a|a)*(a?){30}b", NULL);
    call_run(&k);
    assert_null(k.status);
    assert_false(*(const bool *)k.outputs[0]->data);
    call_end(&k);
    k = call("RegexFullMatch", text, "((a{1000}){1000}){1000}", NULL);
    call_run(&k);
    assert_non_null(strstr(tw_status_message(k.status), "too large"));
    call_end(&k);
    k = call("RegexFullMatch", text, deep, NULL);
    call_run(&k);
    assert_non_null(strstr(tw_status_message(k.status), "too deep"));
    call_end(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_become_what_re2_makes_of_them),
        cmocka_unit_test(whole_texts_match_as_in_re2),
        cmocka_unit_test(what_is_no_pattern_is_refused),
        cmocka_unit_test(patterns_that_are_made_to_hurt_are_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
