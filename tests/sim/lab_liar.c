#include "tests/sim/lab.h"

bool liar_send(struct host *h, int to, uint8_t type, struct bytes body)
{
    oracle_heard_of(h->lab, type, body);
    return net_send(h, to, type, body, false);
}

void liar_hears(struct host *h, uint8_t type, struct blob *body)
{
    (void)h;
    (void)type;
    (void)body;
}

void liar_acts(struct lab *l, struct event *ev)
{
    (void)l;
    (void)ev;
}
