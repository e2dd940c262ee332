/* The reference workload for languages that are not C++: the same library, the same bytes, the same clock.

   Every handle comes from an open call and goes back by the matching close call. Records are 128 doubles. A
   call that fails prints why on standard error and returns NULL. */
#ifndef REFERENCE_WORKLOAD_C_INTERFACE_H
#define REFERENCE_WORKLOAD_C_INTERFACE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct reference_workload reference_workload;
typedef struct reference_result reference_result;

/* The arguments as every contestant takes them, without the program's name. */
reference_workload* reference_workload_open(int argument_count, const char* const* arguments);
void reference_workload_close(reference_workload* workload);
size_t reference_workload_states(const reference_workload* workload);
size_t reference_workload_rounds(const reference_workload* workload);
size_t reference_workload_doubles_per_state(const reference_workload* workload);
void reference_workload_initial_state(const reference_workload* workload, size_t index, double* state);
void reference_workload_input(const reference_workload* workload, size_t round, double* input);
void reference_workload_update(const reference_workload* workload, double* state, const double* input,
                               double* output);

reference_result* reference_result_open(const reference_workload* workload, const char* name);
void reference_result_close(reference_result* result);
void reference_result_start(reference_result* result);
void reference_result_end_round(reference_result* result, const double* outputs);
void reference_result_print(const reference_result* result);

#ifdef __cplusplus
}
#endif

#endif
