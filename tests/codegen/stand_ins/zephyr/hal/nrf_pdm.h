/* Stand-in for the PDM peripheral's registers as nrfx has them. */
#ifndef NRF_PDM_H
#define NRF_PDM_H

#include <stdint.h>

typedef struct NRF_PDM_Type NRF_PDM_Type;
typedef uint8_t nrf_pdm_gain_t;

void nrf_pdm_gain_set(NRF_PDM_Type *p_reg, nrf_pdm_gain_t gain_l, nrf_pdm_gain_t gain_r);

#endif
