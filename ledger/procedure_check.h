/*
 * procedure_check: what must hold of a procedure beyond its form, so that the engine can trust it.
 * Internal to the ledger.
 */
#ifndef ANJU_LEDGER_PROCEDURE_CHECK_H
#define ANJU_LEDGER_PROCEDURE_CHECK_H

#include "ledger/procedure_body.h"

/* MALFORMED with words that name the place. */
ANJU_MUST_CHECK enum anju_err ledger_procedure_check(const struct ledger_procedure *p);

struct ledger_registry;
/* What it names outside itself is on this ledger: code lists, the calendar, roles, other procedures
 * with the attributes, states and indexes that it reads, and leave to change or create what it does
 * (procedure_links.c). MALFORMED with words that name the place. */
ANJU_MUST_CHECK enum anju_err ledger_procedure_check_links(const struct ledger_registry *r,
                                                           const struct ledger_procedure *p);

#endif
