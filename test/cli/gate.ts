/** The configuration of the transcripts. Its routes begin at line 11. */
import { head } from '../trial/settings-of.ts'

export const gate = `${head}routes:
  - from: https://hello.corp.test
    name: hello
    to: http://127.0.0.1:26997
    allowed_groups:
      - devops
  - from: https://wiki.corp.test
    name: wiki
    to: http://127.0.0.1:26997
    policy:
      - allow:
          or:
            - domain:
                is: corp.test
        deny:
          or:
            - email:
                is: mallory@corp.test
`
