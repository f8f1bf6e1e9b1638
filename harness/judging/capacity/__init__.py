"""How much a service can take: what an even load shows of one rate, and what several rates say of the highest that is kept up with."""
