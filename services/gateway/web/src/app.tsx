// The pages and their addresses.
import { Navigate, createBrowserRouter } from 'react-router';
import { AppLayout } from './components/AppLayout';
import { CrashPage } from './components/CrashPage';
import { NotFoundPage } from './components/NotFoundPage';
import { BoardPage } from './features/board/BoardPage';
import { CustomerPage } from './features/customers/CustomerPage';
import { CustomersPage } from './features/customers/CustomersPage';
import { MapsPage } from './features/maps/MapsPage';
import { WorkspacesPage } from './features/workspaces/WorkspacesPage';

export const router = createBrowserRouter([
  {
    element: <AppLayout />,
    errorElement: <CrashPage />,
    children: [
      { path: '/', element: <WorkspacesPage /> },
      { path: '/w/:workspaceId', element: <Navigate to="maps" replace /> },
      { path: '/w/:workspaceId/maps', element: <MapsPage /> },
      { path: '/w/:workspaceId/maps/:mapId', element: <BoardPage /> },
      { path: '/w/:workspaceId/customers', element: <CustomersPage /> },
      { path: '/w/:workspaceId/customers/:customerId', element: <CustomerPage /> },
      { path: '*', element: <NotFoundPage /> },
    ],
  },
]);
