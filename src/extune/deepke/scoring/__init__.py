"""DeepKE-LLM's and IEPile's evaluator to the last digit, for `extune score --compat`; a result where they crash.

What the reference does: https://github.com/zjunlp/DeepKE/tree/main/example/llm/InstructKGC and
https://github.com/zjunlp/IEPile. The same number where it gives one, its odd ones included: KG is always 0; EEA's
events are right only where no trigger is predicted; IEPile reads {subject, object} in RE and flat arguments in EEA;
arguments are pooled over the events of a text. Where it only crashes:

| the reference                                 | here                                                         |
|-----------------------------------------------|--------------------------------------------------------------|
| EET: every file                               | (trigger, type), by the rule its own code means              |
| SPO: every file                               | as RE, of {subject, object}, and both types (see `parse.spo`)|
| a line that is not JSON, lacks a field, or    | the line is left out of the score                            |
| whose `label` is not the task's gold          |                                                              |
| `output` an object, `label` a list            | taken as if it had been written as a string                  |
| `output` null, a number, a list               | unparsable (错误数), as a string that holds no object        |
| `output` nested too deeply                    | unparsable                                                   |
| EE: `arguments` not an object                 | an event without arguments                                   |
| KG: an attribute's list holds no string       | never a match, as all of KG                                  |
| match mode set: an object or list as a value  | compared as in match mode normal                             |
| an `id` that is a number                      | its digits                                                   |

Each such line is counted and the first ones are named (`CompatScore.crashes`); EET and SPO are not, there it would be
every line. `instruction` must be there and is read for SPO only.
"""

from .score import CompatScore, score_lines
from .shards import in_stretches, score_file

__all__ = ["CompatScore", "in_stretches", "score_file", "score_lines"]
