"""What carries out several runs, tried with runs that nobody makes."""
