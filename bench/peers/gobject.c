// PEER pkg-config: gobject-2.0 debian: libglib2.0-dev
// GObject: run-time types and atomic counts. Its objects die by recursion, so
// the question of the long chain is left out.

#include <glib-object.h>

#include "rival_threads.h"

#define RIVAL "gobject"

typedef struct node {
    GObject head;
    struct node *left;
    struct node *right;
} PeerNode;

typedef GObjectClass PeerNodeClass;
typedef struct node *node_ref;

G_DEFINE_TYPE(PeerNode, peer_node, G_TYPE_OBJECT)

static void peer_node_dispose(GObject *object) {
    struct node *node = (struct node *)object;
    g_clear_object(&node->left);
    g_clear_object(&node->right);
    G_OBJECT_CLASS(peer_node_parent_class)->dispose(object);
}
static void peer_node_class_init(PeerNodeClass *class) {
    class->dispose = peer_node_dispose;
}
static void peer_node_init(PeerNode *node) { (void)node; }

#include "rival_fields.h"
#include "rival_pointers.h"

static GType node_type;

static inline node_ref node_make(void) {
    return (node_ref)g_object_new(node_type, NULL);
}
static inline node_ref node_copy(const node_ref *from) {
    return (node_ref)bench_opaque(g_object_ref(*from));
}
static inline void node_drop(node_ref *reference) {
    g_object_unref(*reference);
    *reference = NULL;
}

#include "questions_objects.h"

int main(int argc, char **argv) {
    node_type = peer_node_get_type();
    return peer_main(argc, argv, questions_objects);
}
