/**
 * A budget of connections: over all sources of this replica, and to each of their hosts.
 *
 * Who finds no room waits, in line with those of the same host; the hosts take turns. A
 * connection that nobody uses stands in nobody's way: it is asked to give up its place,
 * the longest unused first.
 */
import type { Place, Places } from "../../providers/contract.ts";

export interface PlacesLimits {
  /** Connections to one host at most. */
  readonly perHost: number;
  /** Connections at most. */
  readonly all: number;
}

export interface PlacesFigures {
  /** Places taken, those lent among them. */
  readonly open: number;
  /** Those whose connections are unused. */
  readonly lent: number;
  /** Connections that wait for a place. */
  readonly waiting: number;
}

export interface Budget extends Places {
  figures(): PlacesFigures;
  /** Places that were taken since the beginning. */
  taken(): number;
}

/** A place whose connection is unused. */
interface Lent {
  readonly host: Host;
  giveUp(): void;
}

interface Waiter {
  grant(place: Place): void;
}

/** Sets keep the order in which was added: the first is the one that is longest there. */
interface Host {
  readonly name: string;
  readonly waiters: Set<Waiter>;
  readonly lent: Set<Lent>;
  open: number;
}

/**
 * What `giveUp` is given for closes the connection and frees its place before it returns.
 * A host is told by its name, in whatever case.
 */
export function createPlaces({ perHost, all }: PlacesLimits): Budget {
  const hosts = new Map<string, Host>();
  const lent = new Set<Lent>();
  /** Hosts where somebody waits though the host itself has room, in the order of their turns. */
  const turns = new Set<Host>();
  let open = 0;
  let waiting = 0;
  let taken = 0;

  function hostOf(name: string): Host {
    const known = hosts.get(name);
    if (known !== undefined) return known;
    const host: Host = { name, waiters: new Set(), lent: new Set(), open: 0 };
    hosts.set(name, host);
    return host;
  }

  /** Looks whether the host takes part in the turns, and whether anybody still needs it at all. */
  function review(host: Host): void {
    if (host.waiters.size > 0 && host.open < perHost) turns.add(host);
    else turns.delete(host);
    if (host.waiters.size === 0 && host.open === 0) hosts.delete(host.name);
  }

  function serve(): void {
    for (let host = first(turns); host !== undefined && open < all; host = first(turns)) {
      const waiter = first(host.waiters) as Waiter;
      leave(host, waiter);
      // Behind the others, if it is to have another turn.
      turns.delete(host);
      waiter.grant(placeAt(host));
      review(host);
    }
  }

  function leave(host: Host, waiter: Waiter): void {
    host.waiters.delete(waiter);
    waiting--;
  }

  /** Asks the longest unused connection that stands in the way of somebody at the host. */
  function makeRoom(host: Host): void {
    const unused = first(host.open >= perHost ? host.lent : lent);
    if (unused === undefined) return;
    forget(unused);
    unused.giveUp();
  }

  function forget(unused: Lent): void {
    lent.delete(unused);
    unused.host.lent.delete(unused);
  }

  function placeAt(host: Host): Place {
    host.open++;
    open++;
    taken++;
    let unused: Lent | undefined;
    let freed = false;
    const recall = () => {
      if (unused !== undefined) forget(unused);
      unused = undefined;
    };
    return {
      lend(giveUp) {
        if (freed) return;
        recall();
        unused = { host, giveUp };
        lent.add(unused);
        host.lent.add(unused);
        // Whoever waits does so for the host's own limit, or for that of all.
        const wanting = host.waiters.size > 0 ? host : first(turns);
        if (wanting !== undefined) makeRoom(wanting);
      },
      recall,
      free() {
        if (freed) return;
        freed = true;
        recall();
        host.open--;
        open--;
        review(host);
        serve();
      },
    };
  }

  return {
    take(name, signal) {
      if (signal.aborted) return Promise.reject(signal.reason);
      const host = hostOf(name.toLowerCase());
      // Where there is room nobody waits.
      if (host.open < perHost && open < all) return Promise.resolve(placeAt(host));
      return new Promise((resolve, reject) => {
        const abort = () => {
          leave(host, waiter);
          review(host);
          reject(signal.reason);
        };
        const waiter: Waiter = {
          grant(place) {
            signal.removeEventListener("abort", abort);
            resolve(place);
          },
        };
        signal.addEventListener("abort", abort, { once: true });
        host.waiters.add(waiter);
        waiting++;
        review(host);
        makeRoom(host);
      });
    },
    figures: () => ({ open, lent: lent.size, waiting }),
    taken: () => taken,
  };
}

function first<T>(set: ReadonlySet<T>): T | undefined {
  for (const member of set) return member;
  return undefined;
}
