/*
 * Which kinds of front ends and decisions this build of the library can run: all, unless a list was
 * included before this file. `kws export` writes the list of one model as kws_kinds.h; compiled with
 * -include kws_kinds.h, the library leaves out what that model does not use. In a package the list
 * lies in this file's place.
 */
#ifndef KWS_KINDS_H
#define KWS_KINDS_H

#define KWS_ALL_KINDS 1

#endif
