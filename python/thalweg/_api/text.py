# SPDX-License-Identifier: Apache-2.0
"""Public names of functions on text, and of what shows values."""
NAMES = {
    "": {
        "ops.logging_ops": "Print",
        "ops.string_ops": "reduce_join regex_replace string_split string_to_hash_bucket "
                          "string_to_number substr",
        "ops.gen_string_ops": "as_string decode_base64 encode_base64 string_join "
                              "string_strip string_to_hash_bucket_fast "
                              "string_to_hash_bucket_strong",
    },
    "io": {"ops.gen_string_ops": "decode_base64 encode_base64"},
    "strings": {
        "ops.string_ops": "reduce_join regex_full_match regex_replace split=string_split "
                          "substr length=string_length to_number=string_to_number "
                          "to_hash_bucket=string_to_hash_bucket",
        "ops.gen_string_ops": "as_string join=string_join "
                              "strip=string_strip "
                              "to_hash_bucket_fast=string_to_hash_bucket_fast "
                              "to_hash_bucket_strong=string_to_hash_bucket_strong "
                              "lower=string_lower upper=string_upper",
    },
}
