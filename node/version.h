/* version: one place for the number. */
#ifndef ANJU_NODE_VERSION_H
#define ANJU_NODE_VERSION_H

#define ANJU_VERSION "0.1.0"

#endif
