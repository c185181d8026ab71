# SPDX-License-Identifier: Apache-2.0
"""Public names of functions on text, and of what shows values."""
NAMES = {
    "": {
        "ops.logging_ops": "Print",
        "ops.string_ops": "string_split",
        "ops.gen_string_ops": "as_string decode_base64 encode_base64 reduce_join string_join "
                              "string_strip string_to_hash_bucket string_to_hash_bucket_fast "
                              "string_to_hash_bucket_strong substr string_to_number",
    },
    "strings": {
        "ops.string_ops": "split=string_split",
        "ops.gen_string_ops": "as_string join=string_join reduce_join "
                              "strip=string_strip substr "
                              "to_hash_bucket=string_to_hash_bucket "
                              "to_hash_bucket_fast=string_to_hash_bucket_fast "
                              "to_hash_bucket_strong=string_to_hash_bucket_strong "
                              "to_number=string_to_number length=string_length",
    },
}
