/* SPDX-License-Identifier: Apache-2.0
 * A graph that TensorFlow trained and froze, loaded and run: the five lines in the middle of main.
 *     frozen_graph [FILE.pb]      (default: examples/frozen_graph/frozen_mlp.pb, an MLP 4-5-3 with
 * relu and softmax) */
#include <thalweg/thalweg.h>

int main(int argc, char **argv)
{
    tw_array *in = tw_array_copy_of(TW_FLOAT32, TW_SHAPE(2, 4),
                                    (float[]){1, -1, 0.5, 2, 0, 0, 0, 0}),
             *out = NULL;
    tw_graph *graph = NULL;
    tw_tensor x, y;

    TW_CHECK(tw_graph_load(argc > 1 ? argv[1] : "examples/frozen_graph/frozen_mlp.pb", &graph));
    TW_CHECK(tw_graph_tensor(graph, "x:0", &x));
    TW_CHECK(tw_graph_tensor(graph, "layer2/y:0", &y));
    tw_session *session = tw_session_new(
        &(struct tw_session_options){.size = sizeof(struct tw_session_options), .graph = graph});
    TW_CHECK(tw_run(session, TW_FETCH(y), .feed = TW_FEED({x, in}), .out = &out));

    tw_array_print(out, stdout); /* [[0.39913505 0.39908633 0.20177858]
                                  *  [0.26339722 0.44110733 0.29549545]] */
    tw_array_unref(in);
    tw_array_unref(out);
    tw_session_free(session);
    tw_graph_unref(graph);
    return 0;
}
