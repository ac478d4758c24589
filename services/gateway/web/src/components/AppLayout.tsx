// The frame of every page: header with workspace, navigation and state of the connection; below, the page.
import { AppShell, Menu, UnstyledButton } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { IconCheck, IconRoute, IconSelector, IconUsers } from '../icons';
import { useEffect, useRef } from 'react';
import { Link, NavLink, Outlet, ScrollRestoration, useLocation, useParams } from 'react-router';
import { useWorkspaces } from '../api/queries';
import { customersPath, lastSegment, mapsPath, workspaceName } from '../lib/names';
import classes from './AppLayout.module.css';
import { ColorSchemeMenu } from './ColorSchemeMenu';
import { LiveIndicator } from './LiveIndicator';
import { Logo } from './Logo';

const kMainId = 'main';

function Navigation({ workspaceId, className, label }: { workspaceId: string; className?: string; label: string }) {
  return (
    <nav className={`${classes.nav} ${className ?? ''}`} aria-label={label}>
      <NavLink to={mapsPath(workspaceId)} className={classes.navLink}>
        <IconRoute size={18} aria-hidden /> Maps
      </NavLink>
      <NavLink to={customersPath(workspaceId)} className={classes.navLink}>
        <IconUsers size={18} aria-hidden /> Customers
      </NavLink>
    </nav>
  );
}

function WorkspaceMenu({ workspaceId }: { workspaceId: string }) {
  const workspaces = useWorkspaces();
  const name = workspaceName(workspaceId);
  const current = workspaces.data?.find((workspace) => workspace.name === name);
  return (
    <Menu position="bottom-start" shadow="md" width={280}>
      <Menu.Target>
        <UnstyledButton
          className={classes.workspace}
          aria-label={`Workspace ${current?.displayName ?? workspaceId}, switch`}
        >
          <span className={classes.workspaceName}>{current?.displayName ?? workspaceId}</span>
          <IconSelector size={16} aria-hidden color="var(--tl-muted)" style={{ flex: 'none' }} />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Workspaces</Menu.Label>
        {(workspaces.data ?? []).map((workspace) => (
          <Menu.Item
            key={workspace.name}
            component={Link}
            to={mapsPath(lastSegment(workspace.name))}
            aria-current={workspace.name === name ? 'true' : undefined}
            rightSection={workspace.name === name ? <IconCheck size={16} aria-hidden /> : null}
          >
            {workspace.displayName || lastSegment(workspace.name)}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item component={Link} to="/">
          All workspaces
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

export function AppLayout() {
  const { workspaceId } = useParams();
  const { pathname } = useLocation();
  const main = useRef<HTMLElement>(null);
  const lastPath = useRef(pathname);
  const isPhone = useMediaQuery('(max-width: 48em)', false, { getInitialValueInEffect: false });

  // Every page asks something, so that the indicator always knows whether the server answers.
  useWorkspaces();

  // On a new page the keyboard and screen reader start at its top; the router looks after the scrolling.
  useEffect(() => {
    if (lastPath.current === pathname) return;
    lastPath.current = pathname;
    main.current?.focus({ preventScroll: true });
  }, [pathname]);

  return (
    <>
      <a className="tl-skip-link" href={`#${kMainId}`}>
        Skip to content
      </a>
      <AppShell header={{ height: 56 }} footer={{ height: 56, collapsed: !isPhone || !workspaceId }} padding={0}>
        <AppShell.Header className={classes.header} withBorder={false}>
          <Link to="/" className={classes.brand} aria-label="Throughline, all workspaces">
            <Logo />
            <span className={classes.brandName}>Throughline</span>
          </Link>
          {workspaceId && (
            <>
              <span className={classes.divider} aria-hidden />
              <WorkspaceMenu workspaceId={workspaceId} />
              <Navigation workspaceId={workspaceId} className={classes.headerNav} label="Main" />
            </>
          )}
          <span className={classes.spacer} />
          <LiveIndicator />
          <ColorSchemeMenu />
        </AppShell.Header>
        <ScrollRestoration />
        <AppShell.Main id={kMainId} ref={main} tabIndex={-1} className={classes.main}>
          <Outlet />
        </AppShell.Main>
        {isPhone && workspaceId && (
          <AppShell.Footer className={classes.footer} withBorder={false}>
            <Navigation workspaceId={workspaceId} label="Main" />
          </AppShell.Footer>
        )}
      </AppShell>
    </>
  );
}
