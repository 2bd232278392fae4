/* Section 4.2.2 in discrete time, for spin: the monitoring of the i-HA, with the rules that keep its promise.
 *
 * The same as specs/draft-01.spec says with D1, M1 and M2, cut down to what they speak of; the property is
 * no_plaintext_after_loss. A tick is a second. A time is kept as its age in ticks, up to one that is beyond every bound
 * (CAP); one that nothing depends on is 0, so that states that do not differ are one state.
 *
 *   spin -a monitor.pml && gcc -O2 -DSAFETY -DBFS -o pan pan.c && ./pan
 *   -DIFS=2 has two interfaces; -DT_STOP=61 breaks the property.
 */
#ifndef IFS
#define IFS 1
#endif
#ifndef BOUND
#define BOUND 60                /* the draft's minute */
#endif
#ifndef T_STOP
#define T_STOP BOUND
#endif
#ifndef T_REREGISTER
#define T_REREGISTER 20
#endif
#define T_SLACK 1
#define CAP (BOUND + 3)

typedef Interface {
  bit reachable;                /* the truth: the i-HA can be reached */
  byte lost;                    /* since it no longer is */
  bit inside;                   /* a direct registration has succeeded */
  bit asked;                    /* a request waits for its answer */
  byte sent;                    /* since that was sent */
  byte confirmed;               /* since the request was sent that was last accepted */
  byte answered;                /* since it was accepted */
  bit owed                      /* a registration is due after that */
}
Interface on[IFS];
byte holder = IFS;              /* whose registration the i-HA's one binding stands for; IFS is nobody's */

inline older(age) { age = (age < CAP -> age + 1 : CAP) }

#define R(i) on[i]

/* What can happen on interface i; every step is atomic. */
#define HAPPENS(i) \
  :: d_step { !R(i).reachable -> R(i).reachable = 1; R(i).lost = 0 } \
  :: d_step { R(i).reachable -> R(i).reachable = 0; R(i).lost = 0 } \
  :: d_step { R(i).inside || R(i).asked -> /* the connection status changes */ \
       R(i).inside = 0; R(i).asked = 0; R(i).sent = 0; R(i).confirmed = 0; R(i).answered = 0; R(i).owed = 0 } \
  :: d_step { /* a new request */ R(i).asked = 1; R(i).sent = 0; R(i).owed = 0 } \
  :: d_step { R(i).asked && (R(i).reachable || R(i).lost < R(i).sent) -> /* it is accepted; the firewall's assumption */ \
       R(i).inside = 1; R(i).asked = 0; R(i).confirmed = R(i).sent; R(i).sent = 0; R(i).answered = 0; R(i).owed = 1; holder = i } \
  :: d_step { R(i).inside && R(i).confirmed <= T_STOP /* D1, M2 */ -> /* plaintext goes out */ \
       assert(R(i).reachable || R(i).lost <= BOUND) }

/* M1: a registration that is owed stops time. */
#define OVERDUE(i) (R(i).inside && R(i).owed && holder == i && R(i).answered >= T_REREGISTER + T_SLACK)

/* An age counts only while something depends on it. */
#define AGES(i) \
  if :: R(i).reachable -> skip :: else -> older(R(i).lost) fi; \
  if :: R(i).asked -> older(R(i).sent) :: else -> skip fi; \
  if :: R(i).inside -> older(R(i).confirmed); \
       if :: R(i).owed && holder == i -> older(R(i).answered) :: else -> R(i).answered = 0 fi \
     :: else -> skip fi

active proctype node() {
  do
  HAPPENS(0)
#if IFS > 1
  HAPPENS(1)
#endif
  :: d_step {
#if IFS > 1
       !OVERDUE(0) && !OVERDUE(1) ->
       AGES(0); AGES(1)
#else
       !OVERDUE(0) ->
       AGES(0)
#endif
     }
  od
}
