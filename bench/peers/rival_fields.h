// For rivals whose nodes have two plain pointers, left and right.

#ifndef PEER_RIVAL_FIELDS_H
#define PEER_RIVAL_FIELDS_H

static inline void node_give_left(node_ref *parent, node_ref *child) {
    (*parent)->left = *child;
    *child = NULL;
}
static inline void node_give_right(node_ref *parent, node_ref *child) {
    (*parent)->right = *child;
    *child = NULL;
}

static inline struct node *node_left(const struct node *of) { return of->left; }
static inline struct node *node_right(const struct node *of) {
    return of->right;
}

#endif
