/* Included before all else (native/build.py): what another file defines is in this program, so it
 * is addressed directly, and not through a table of addresses of which linkers make offsets that
 * are too large for a program at a high address.
 */
#pragma GCC visibility push(hidden)
