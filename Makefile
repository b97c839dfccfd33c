# make TARGET is python make.py TARGET; make alone lists the targets. For example:
#   make sweep OPTIONS='--only ablation'     make submission GROUP=13
#   make check CHECKED='1.2.1 2.2'           make install PYTHON=python3.12
TARGETS := install run quick reports submission check test \
	repeats sweep optuna benchmark pins clean

.PHONY: help $(TARGETS)
help $(TARGETS):
	@$(or $(PYTHON),python3) make.py $@
